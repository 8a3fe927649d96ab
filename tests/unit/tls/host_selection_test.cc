#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

// A server_name extension's body (RFC 6066 section 3).
std::string entry(const std::string& name, char type = 0) {
  return std::string{type, static_cast<char>(name.size() >> 8), static_cast<char>(name.size() & 0xff)} + name;
}
std::string server_name(const std::string& entries) {
  return std::string{static_cast<char>(entries.size() >> 8), static_cast<char>(entries.size() & 0xff)} + entries;
}

std::string server_subject(const Connection& made) {
  X509* certificate = SSL_get0_peer_certificate(made.client->ssl());
  if (certificate == nullptr) return "";
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(), name.size());
  return name.data();
}

const std::vector<HostSpec>& hosts() {
  static const std::vector<HostSpec> all = {
      {.name = "open.example", .client_auth = ClientAuth::off},
      {.name = "wild", .patterns = {"*.wild.example"}, .client_auth = ClientAuth::off},
      {.name = "exact.wild.example", .client_auth = ClientAuth::off},
      {.name = "strict.example", .client_auth = ClientAuth::strict},
  };
  return all;
}

std::vector<HostSpec> hosts_with_default() {
  std::vector<HostSpec> all = hosts();
  all[0].is_default = true;
  return all;
}

}  // namespace

TEST_CASE("the server name picks the virtual host and its certificate") {
  const Gateway gateway(hosts());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    struct Row {
      const char* name;
      std::uint32_t host;
      const char* subject;
    };
    for (const Row& row : {Row{"open.example", 0, "open.example"}, Row{"OPEN.example", 0, "open.example"},
                           Row{"open.example.", 0, "open.example"}, Row{"a.wild.example", 1, "wild"},
                           Row{"exact.wild.example", 2, "exact.wild.example"}}) {
      CAPTURE(row.name);
      const Connection made = connect(gateway, {.version = version, .server_name = row.name});
      REQUIRE(made.established());
      CHECK(made.server->host_index() == row.host);
      CHECK(server_subject(made) == row.subject);
      CHECK(made.report().sni == row.name);
    }
  }
}

TEST_CASE("without a default host no name and an unknown name are refused as unrecognized_name") {
  const Gateway gateway(hosts());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const char* name : {"", "unknown.example", "a.b.wild.example", "wild.example", "127.0.0.1"}) {
      CAPTURE(name);
      const Connection made = connect(gateway, {.version = version, .server_name = name});
      CHECK(made.reason() == Reason::unrecognized_name);
      CHECK(made.client->alert() == SSL_AD_UNRECOGNIZED_NAME);
      CHECK_FALSE(made.report().host);
    }
  }
}

TEST_CASE("with a default host no name and an unknown name get that host") {
  const Gateway gateway(hosts_with_default());
  for (const char* name : {"", "unknown.example", "a.b.wild.example"}) {
    CAPTURE(name);
    const Connection made = connect(gateway, {.server_name = name});
    REQUIRE(made.established());
    CHECK(made.server->host_index() == 0);
    CHECK(server_subject(made) == "open.example");
  }
}

TEST_CASE("a server name that can't be understood is refused, never given to the default host") {
  const Gateway gateway(hosts_with_default());
  const std::string good = entry("strict.example");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::string& body :
         {server_name(good + good), server_name(good + entry("open.example")), server_name(entry("")),
          server_name(entry("strict.example", 1)), server_name(good) + "x", std::string("\0\x11", 2) + good + "x",
          std::string("\0\x09", 2) + good, server_name(std::string("\0\0\x20", 3) + "short"), std::string("\0\0", 2),
          std::string("\0", 1), server_name(entry(std::string(256, 'a')))}) {
      const Connection made = connect(gateway, {.version = version, .raw_server_name = body});
      CHECK(made.status == HandshakeStatus::refused);
      CHECK(made.reason() == Reason::unrecognized_name);
      CHECK(made.client->alert() == SSL_AD_DECODE_ERROR);
    }
    for (const std::string& name : {std::string("strict.example\0.open.example", 28), std::string("a b"),
                                    std::string("a..b"), std::string("\xc3\xa4.example"), std::string(".")}) {
      const Connection made = connect(gateway, {.version = version, .raw_server_name = server_name(entry(name))});
      CHECK(made.status == HandshakeStatus::refused);
      CHECK(made.reason() == Reason::unrecognized_name);
      CHECK(made.client->alert() == SSL_AD_UNRECOGNIZED_NAME);
    }
    // The way of sending raw bytes itself works.
    const Connection made = connect(gateway, {.version = version, .raw_server_name = server_name(entry("x.example"))});
    CHECK(made.report().sni == "x.example");
    CHECK(made.report().host == 0);
  }
}

TEST_CASE("a host without TLS is not to be had on a TLS listener") {
  Gateway gateway(hosts());
  auto table = std::make_shared<gateway::core::HostTable>();
  table->add("host.example", 99);
  auto server = TlsSession::create(gateway.contexts(), table);
  REQUIRE(server.has_value());
  Client client({});
  client.handshake();
  const std::string hello = client.take_output();
  (*server)->lend(hello);
  CHECK((*server)->handshake() == HandshakeStatus::refused);
  CHECK((*server)->report().reason == Reason::unrecognized_name);
}

TEST_CASE("http/1.1 is the one application protocol") {
  const Gateway gateway(hosts());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientSpec client{.version = version, .server_name = "open.example"};
    CHECK(connect(gateway, client).established());
    client.protocols = {"h2", "http/1.1"};
    const Connection made = connect(gateway, client);
    REQUIRE(made.established());
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(made.client->ssl(), &chosen, &size);
    CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
    client.protocols = {"h2", "http/1.10", "http/1."};
    const Connection refused = connect(gateway, client);
    CHECK(refused.reason() == Reason::no_application_protocol);
    CHECK(refused.client->alert() == SSL_AD_NO_APPLICATION_PROTOCOL);
    CHECK(refused.report().host == 0);
  }
}

TEST_CASE("each host's versions are its own") {
  const Gateway gateway({
      {.name = "old.example", .client_auth = ClientAuth::off, .max_version = ProtocolVersion::tls12},
      {.name = "new.example", .client_auth = ClientAuth::off, .min_version = ProtocolVersion::tls13},
  });
  CHECK(connect(gateway, {.version = TLS1_2_VERSION, .server_name = "old.example"}).established());
  CHECK(connect(gateway, {.version = TLS1_3_VERSION, .server_name = "new.example"}).established());
  CHECK(connect(gateway, {.version = 0, .server_name = "old.example"}).report().version == ProtocolVersion::tls12);
  Connection made = connect(gateway, {.version = TLS1_3_VERSION, .server_name = "old.example"});
  CHECK(made.reason() == Reason::protocol_version);
  CHECK(made.client->alert() == SSL_AD_PROTOCOL_VERSION);
  made = connect(gateway, {.version = TLS1_2_VERSION, .server_name = "new.example"});
  CHECK(made.reason() == Reason::protocol_version);
  CHECK(made.client->alert() == SSL_AD_PROTOCOL_VERSION);
  made = connect(gateway, {.version = TLS1_1_VERSION, .server_name = "old.example"});
  CHECK(made.reason() == Reason::protocol_version);
  CHECK(made.report().offered_versions == "TLSv1.1");
}

TEST_CASE("a client without a cipher or group of ours is refused as no_shared_cipher") {
  const Gateway gateway(hosts());
  Connection made =
      connect(gateway,
              {.version = TLS1_2_VERSION, .server_name = "open.example", .tls12_ciphers = "ECDHE-ECDSA-AES128-SHA256"});
  CHECK(made.reason() == Reason::no_shared_cipher);
  CHECK(made.client->alert() == SSL_AD_HANDSHAKE_FAILURE);
  made = connect(gateway,
                 {.version = TLS1_2_VERSION, .server_name = "open.example", .tls12_ciphers = "AES128-GCM-SHA256"});
  CHECK(made.reason() == Reason::no_shared_cipher);
  made = connect(gateway, {.version = TLS1_3_VERSION, .server_name = "open.example", .groups = "P-521"});
  CHECK(made.reason() == Reason::no_shared_cipher);
  CHECK(made.client->alert() == SSL_AD_HANDSHAKE_FAILURE);
}

TEST_CASE("after a HelloRetryRequest the host is the same and all its settings hold") {
  const Gateway gateway(hosts());
  const Issued client = make_client("alice", client_root());
  const std::string groups = "P-521:P-256";  // its one key share is for a group that we don't take
  const Connection good = connect(gateway, {.server_name = "strict.example", .certificate = &client, .groups = groups});
  REQUIRE(good.established());
  CHECK(good.common_name() == "alice");
  CHECK(good.server->host_index() == 3);
  const Connection none = connect(gateway, {.server_name = "strict.example", .groups = groups});
  CHECK(none.reason() == Reason::no_certificate);
  CHECK(none.client->alert() == SSL_AD_CERTIFICATE_REQUIRED);
  const Connection h2 = connect(gateway, {.server_name = "open.example", .protocols = {"h2"}, .groups = groups});
  CHECK(h2.reason() == Reason::no_application_protocol);
}

TEST_CASE("a server name that changes after a HelloRetryRequest is refused") {
  // Names of one length, so that the change alone is what the server sees.
  const Gateway gateway({{.name = "public.example", .client_auth = ClientAuth::off},
                         {.name = "secret.example", .client_auth = ClientAuth::optional}});
  Client client({.server_name = "public.example", .groups = "P-521:P-256"});
  const auto server = gateway.accept();
  const auto forward = [&](const std::string& name) {
    client.handshake();
    std::string sent = client.take_output();
    const auto at = sent.find("public.example");
    REQUIRE(at != std::string::npos);
    sent.replace(at, name.size(), name);
    server->lend(sent);
    const HandshakeStatus status = server->handshake();
    server->reclaim();
    client.receive(std::exchange(server->output(), {}));
    return status;
  };
  REQUIRE(forward("public.example") == HandshakeStatus::pending);
  CHECK(forward("secret.example") == HandshakeStatus::refused);
  CHECK(server->report().reason == Reason::unrecognized_name);
  client.handshake();
  CHECK(client.alert() == SSL_AD_ILLEGAL_PARAMETER);
}
