#include "tls/session_ticket.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "core/limits.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

using core::Reason;

constexpr int kTicketFailed = -1;  // fatal
constexpr int kTicketUnknown = 0;  // full handshake
constexpr int kTicketGood = 1;
constexpr int kTicketRenew = 2;

std::string_view app_data_of(const SSL_SESSION* session) {
  void* bytes = nullptr;
  std::size_t size = 0;
  // The function only reads the session, though it doesn't say so.
  if (SSL_SESSION_get0_ticket_appdata(const_cast<SSL_SESSION*>(session), &bytes, &size) != 1 || bytes == nullptr)
    return {};
  return {static_cast<const char*>(bytes), size};
}

bool use_key(const TicketKey& key, EVP_MAC_CTX* mac) {
  std::array<unsigned char, 32> secret = key.mac;
  std::array<char, 7> digest{"SHA256"};
  const std::array params = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end(),
  };
  const bool done = EVP_MAC_CTX_set_params(mac, params.data()) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  return done;
}

int seal(const WorkerContextSet& contexts, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* mac) {
  const WorkerLibrary& library = contexts.library();
  const TicketKey& key = contexts.ticket_keys().sealing();
  const int iv_size = EVP_CIPHER_get_iv_length(library.ticket_cipher());
  if (RAND_bytes_ex(library.context(), iv, static_cast<std::size_t>(iv_size), 0) != 1 ||
      EVP_EncryptInit_ex(cipher, library.ticket_cipher(), nullptr, key.cipher.data(), iv) != 1 || !use_key(key, mac)) {
    return kTicketFailed;
  }
  std::memcpy(name, key.name.data(), key.name.size());
  return kTicketGood;
}

int open(const WorkerContextSet& contexts, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* mac) {
  const TicketKey* key = contexts.ticket_keys().find(name);
  if (key == nullptr) return kTicketUnknown;
  if (EVP_DecryptInit_ex(cipher, contexts.library().ticket_cipher(), nullptr, key->cipher.data(), iv) != 1 ||
      !use_key(*key, mac)) {
    return kTicketFailed;
  }
  return key == &contexts.ticket_keys().sealing() ? kTicketGood : kTicketRenew;
}

int on_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                  int sealing) noexcept {
  return guarded(kTicketFailed, [=] {
    const ConnectionState* state = state_of(ssl);
    if (state == nullptr) return kTicketFailed;
    return sealing != 0 ? seal(state->contexts, name, iv, cipher, mac) : open(state->contexts, name, iv, cipher, mac);
  });
}

std::optional<SessionAppData> new_session(const ConnectionState& state) {
  if (!state.report.host) return std::nullopt;
  const HostContext* host = state.contexts.host_context(*state.report.host);
  if (host == nullptr) return std::nullopt;
  if (state.peer) return SessionAppData{host->session_context(), state.peer->chain};
  return SessionAppData{host->session_context(),
                        {.elements = {}, .session_deadline = state.contexts.library().now() + core::kSessionLifetime}};
}

// Before a ticket is sealed. A resumed session passes its data on as they are, and with them its first deadline: else a
// ticket could be renewed for ever.
int on_ticket_sealed(SSL* ssl, void*) noexcept {
  return guarded(0, [ssl] {
    const ConnectionState* state = state_of(ssl);
    SSL_SESSION* session = SSL_get_session(ssl);
    if (state == nullptr || session == nullptr) return 0;
    const bool resumed = SSL_session_reused(ssl) == 1;
    const auto data = resumed ? decode_session(app_data_of(session)) : new_session(*state);
    if (!data) return 0;
    const std::string bytes = encode_session(*data);
    if (SSL_SESSION_set1_ticket_appdata(session, bytes.data(), bytes.size()) != 1) return 0;
    const auto left = std::max(data->chain.session_deadline - state->contexts.library().now(), std::chrono::seconds(1));
    SSL_SESSION_set_timeout(session, static_cast<long>(left.count()));
    return 1;
  });
}

SSL_TICKET_RETURN on_ticket_opened(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                   SSL_TICKET_STATUS status, void*) noexcept {
  // Refusing a ticket costs the client a full handshake, and that one ends with the alert that fits.
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return guarded(SSL_TICKET_RETURN_IGNORE_RENEW, [=] {
    const ConnectionState* state = state_of(ssl);
    if (state == nullptr || !judge_session(session, *state)) return SSL_TICKET_RETURN_IGNORE_RENEW;
    // A TLS 1.3 ticket should be used once (RFC 8446 section C.4), so its user gets another.
    const bool renew = status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) == TLS1_3_VERSION;
    return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
  });
}

}  // namespace

bool install_session_tickets(SSL_CTX* context) {
  return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &on_ticket_key) == 1 &&
         SSL_CTX_set_session_ticket_cb(context, &on_ticket_sealed, &on_ticket_opened, nullptr) == 1;
}

core::Result<SessionAppData> judge_session(const SSL_SESSION* session, const ConnectionState& state) {
  const auto refused = [](Reason reason, std::string why) {
    return core::fail(reason, core::Side::client, std::move(why));
  };
  const HostOptions* host = state.host_options();
  const HostContext* context = state.report.host ? state.contexts.host_context(*state.report.host) : nullptr;
  if (host == nullptr || context == nullptr) return refused(Reason::internal, "a session before a host was chosen");
  auto data = decode_session(app_data_of(session));
  if (!data) return refused(Reason::internal, "a session without its data");
  if (data->session_context != context->session_context()) return refused(Reason::internal, "another host's session");
  const std::chrono::sys_seconds now = state.contexts.library().now();
  // A deadline further away than any handshake of today could set it was not written with today's clock.
  if (now >= data->chain.session_deadline || data->chain.session_deadline > now + core::kSessionLifetime) {
    return refused(Reason::expired, "the session's deadline has passed");
  }
  if (data->chain.elements.empty()) {
    // Certificate and chain come together or not at all.
    if (SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session)) != nullptr ||
        host->client_auth == ClientAuth::strict) {
      return refused(Reason::no_certificate, "an anonymous session where a certificate is required");
    }
    return *data;
  }
  if (host->client_auth == ClientAuth::off) return refused(Reason::internal, "an identity where none is asked for");
  if (const Reason reason = judge(data->chain, now, *host, state.contexts.revocations()); reason != Reason::none) {
    return refused(reason, std::string(to_string(reason)));
  }
  return *data;
}

}  // namespace gateway::tls
