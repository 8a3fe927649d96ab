#include <doctest/doctest.h>
#include <openssl/hmac.h>

#include <functional>

#include "test_gateway.h"
#include "tls/session_app_data.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

// A ticket is the key's name, an IV, what is sealed, and a MAC over all of it (RFC 5077 section 4).
constexpr std::size_t kIvBytes = 16;
constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMacKeyAt = kTicketKeyNameBytes;
constexpr std::size_t kCipherKeyAt = kMacKeyAt + 32;

std::string key_file() {
  std::string key(kTicketKeyFileBytes, '\0');
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(i * 7 + 1);
  return key;
}

const unsigned char* raw(const std::string& bytes, std::size_t at = 0) {
  return reinterpret_cast<const unsigned char*>(bytes.data()) + at;
}

std::string crypt(const std::string& key, const std::string& iv, const std::string& input, int sealing) {
  const Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> cipher(EVP_CIPHER_CTX_new());
  std::string output(input.size() + kIvBytes, '\0');
  auto* to = reinterpret_cast<unsigned char*>(output.data());
  int size = 0;
  int rest = 0;
  REQUIRE(EVP_CipherInit_ex(cipher.get(), EVP_aes_256_cbc(), nullptr, raw(key, kCipherKeyAt), raw(iv), sealing) == 1);
  REQUIRE(EVP_CipherUpdate(cipher.get(), to, &size, raw(input), static_cast<int>(input.size())) == 1);
  REQUIRE(EVP_CipherFinal_ex(cipher.get(), to + size, &rest) == 1);
  output.resize(static_cast<std::size_t>(size + rest));
  return output;
}

std::string der_of(SSL_SESSION* session) {
  std::string der(static_cast<std::size_t>(i2d_SSL_SESSION(session, nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_SSL_SESSION(session, &at);
  return der;
}

SessionPtr session_of(const std::string& der) {
  const unsigned char* at = raw(der);
  SessionPtr session(d2i_SSL_SESSION(nullptr, &at, static_cast<long>(der.size())), SSL_SESSION_free);
  REQUIRE(session != nullptr);
  return session;
}

// What whoever has the ticket key could make of a client's session. `change` must keep the lengths.
SessionPtr resealed(const SessionPtr& session, const std::string& key,
                    const std::function<void(SessionAppData&)>& change) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(session.get(), &bytes, &size);
  const std::string ticket(reinterpret_cast<const char*>(bytes), size);
  REQUIRE(ticket.size() > kTicketKeyNameBytes + kIvBytes + kMacBytes);
  REQUIRE(ticket.starts_with(key.substr(0, kTicketKeyNameBytes)));
  const std::string iv = ticket.substr(kTicketKeyNameBytes, kIvBytes);
  const std::size_t sealed_at = kTicketKeyNameBytes + kIvBytes;
  const std::string sealed = ticket.substr(sealed_at, ticket.size() - sealed_at - kMacBytes);

  const SessionPtr inside = session_of(crypt(key, iv, sealed, 0));
  void* data = nullptr;
  REQUIRE(SSL_SESSION_get0_ticket_appdata(inside.get(), &data, &size) == 1);
  auto decoded = decode_session({static_cast<const char*>(data), size});
  REQUIRE(decoded.has_value());
  change(*decoded);
  const std::string encoded = encode_session(*decoded);
  REQUIRE(SSL_SESSION_set1_ticket_appdata(inside.get(), encoded.data(), encoded.size()) == 1);

  std::string forged = ticket.substr(0, sealed_at) + crypt(key, iv, der_of(inside.get()), 1);
  std::string mac(kMacBytes, '\0');
  HMAC(EVP_sha256(), raw(key, kMacKeyAt), 32, raw(forged), forged.size(), reinterpret_cast<unsigned char*>(mac.data()),
       nullptr);
  forged += mac;
  REQUIRE(forged.size() == ticket.size());
  std::string der = der_of(session.get());
  const auto found = der.find(ticket);
  REQUIRE(found != std::string::npos);
  return session_of(der.replace(found, ticket.size(), forged));
}

}  // namespace

TEST_CASE("a session whose certificate is not its chain's leaf is refused, whoever sealed it") {
  const Issued alice = make_client("alice", client_root());
  const std::string key = key_file();
  const std::string_view files[] = {key};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Gateway gateway({HostSpec{.session_store = SessionStore::tickets}});
    gateway.use_ticket_keys(TicketKeys::from_files(files));
    const ClientSpec client{.version = version, .certificate = &alice};
    const SessionPtr session = connect(gateway, client).client->session();
    REQUIRE(session != nullptr);
    const auto come_back = [&](const std::function<void(SessionAppData&)>& change) {
      ClientSpec again = client;
      again.session = resealed(session, key, change);
      return connect(gateway, again);
    };
    const Connection same = come_back([](SessionAppData&) {});
    REQUIRE(same.established());
    CHECK(same.report().resumed);
    CHECK(same.common_name() == "alice");
    const Connection other = come_back([](SessionAppData& data) {
      std::vector<ChainElement> elements = data.chain.elements.all();
      elements.front().fingerprint[0] ^= 1;
      data.chain.elements = elements;
    });
    CHECK(other.status == HandshakeStatus::refused);
    CHECK(other.server->peer() == nullptr);
    // What a full handshake can decide is left to it.
    const Connection elsewhere = come_back([](SessionAppData& data) { data.session_context[0] ^= 1; });
    REQUIRE(elsewhere.established());
    CHECK_FALSE(elsewhere.report().resumed);
  }
}
