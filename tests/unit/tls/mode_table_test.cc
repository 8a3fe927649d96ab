#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

constexpr int kNoAlert = -1;
constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct Refusal {
  Reason reason;
  int alert;
};

void check_refused(const Gateway& gateway, ClientSpec client, Refusal expected) {
  for (const int version : kVersions) {
    CAPTURE(version);
    client.version = version;
    const Connection made = connect(gateway, client);
    CHECK(made.status == HandshakeStatus::refused);
    CHECK(made.reason() == expected.reason);
    CHECK(made.client->alert() == expected.alert);
    CHECK(made.server->peer() == nullptr);
  }
}

void check_served(const Gateway& gateway, ClientSpec client, const std::string& common_name) {
  for (const int version : kVersions) {
    CAPTURE(version);
    client.version = version;
    Connection made = connect(gateway, client);
    CHECK(made.established());
    CHECK(made.reason() == Reason::none);
    CHECK(made.client->alert() == kNoAlert);
    CHECK(made.common_name() == common_name);
    CHECK(made.report().version == (version == TLS1_3_VERSION ? ProtocolVersion::tls13 : ProtocolVersion::tls12));
    REQUIRE(made.client->write("ping"));
    CHECK(exchange(made) == "ping");
    CHECK(made.server->write("pong"));
    exchange(made);
    CHECK(made.client->read() == "pong");
  }
}

Issued expired_client() {
  return issue({.common_name = "late", .not_after = real_now() - std::chrono::hours(1)}, &client_root());
}

}  // namespace

TEST_CASE("off serves everybody as anonymous and asks for no certificate") {
  const Gateway gateway({{.client_auth = ClientAuth::off}});
  const Issued client = make_client("alice", client_root());
  check_served(gateway, {}, "");
  check_served(gateway, {.certificate = &client}, "");
}

TEST_CASE("optional serves a client without a certificate as anonymous") {
  const Gateway gateway({{.client_auth = ClientAuth::optional}});
  check_served(gateway, {}, "");
}

TEST_CASE("optional and strict serve a certificate that verifies, with its identity") {
  const Issued client = make_client("alice", client_root());
  for (const ClientAuth mode : {ClientAuth::optional, ClientAuth::strict}) {
    const Gateway gateway({{.client_auth = mode}});
    check_served(gateway, {.certificate = &client}, "alice");
  }
}

TEST_CASE("strict refuses a client without a certificate") {
  const Gateway gateway({{.client_auth = ClientAuth::strict}});
  Connection made = connect(gateway, {.version = TLS1_3_VERSION});
  CHECK(made.reason() == Reason::no_certificate);
  CHECK(made.client->alert() == SSL_AD_CERTIFICATE_REQUIRED);
  made = connect(gateway, {.version = TLS1_2_VERSION});
  CHECK(made.reason() == Reason::no_certificate);
  CHECK(made.client->alert() == SSL_AD_HANDSHAKE_FAILURE);
}

TEST_CASE("optional and strict refuse whatever does not verify, each with the fitting alert") {
  const Issued other_root = make_root("Other Root");
  const Issued client = make_client("alice", client_root());
  const std::string crl = make_crl(client_root(), {.revoked = {&client}});
  const std::string stale = make_crl(client_root(), {.next_update = real_now() - std::chrono::minutes(1)});
  const auto required = [] {
    auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}));
    trust->require_revocation = true;
    return trust;
  };
  for (const ClientAuth mode : {ClientAuth::optional, ClientAuth::strict}) {
    CAPTURE(to_string(mode));
    const Gateway gateway({{.client_auth = mode}});
    const Issued foreign = make_client("mallory", other_root);
    check_refused(gateway, {.certificate = &foreign}, {Reason::unknown_ca, SSL_AD_UNKNOWN_CA});
    check_refused(gateway, {.certificate = &foreign, .chain = {&other_root}}, {Reason::unknown_ca, SSL_AD_UNKNOWN_CA});
    const Issued late = expired_client();
    check_refused(gateway, {.certificate = &late}, {Reason::expired, SSL_AD_CERTIFICATE_EXPIRED});
    const Issued early =
        issue({.common_name = "early", .not_before = real_now() + std::chrono::hours(1)}, &client_root());
    check_refused(gateway, {.certificate = &early}, {Reason::not_yet_valid, SSL_AD_CERTIFICATE_EXPIRED});
    const Issued server = make_server("host.example", client_root());
    check_refused(gateway, {.certificate = &server}, {Reason::wrong_purpose, SSL_AD_UNSUPPORTED_CERTIFICATE});
    const Issued broken = with_broken_signature(client);
    check_refused(gateway, {.certificate = &broken}, {Reason::bad_signature, SSL_AD_BAD_CERTIFICATE});
    const Issued weak = issue({.common_name = "weak", .key = KeyKind::rsa1024}, &client_root());
    check_refused(gateway, {.certificate = &weak}, {Reason::weak_key, SSL_AD_BAD_CERTIFICATE});

    const Gateway revoking({{.client_auth = mode, .trust = make_trust({client_root()}, {crl})}});
    check_refused(revoking, {.certificate = &client}, {Reason::revoked, SSL_AD_CERTIFICATE_REVOKED});
    const Gateway stale_crl({{.client_auth = mode, .trust = make_trust({client_root()}, {stale})}});
    check_refused(stale_crl, {.certificate = &client}, {Reason::crl_expired, SSL_AD_CERTIFICATE_UNKNOWN});
    const Gateway no_crl({{.client_auth = mode, .trust = required()}});
    check_refused(no_crl, {.certificate = &client}, {Reason::crl_missing, SSL_AD_CERTIFICATE_UNKNOWN});
  }
}

TEST_CASE("a refused handshake reports what the client offered and presented") {
  const Gateway gateway({HostSpec{}});
  const Issued other = make_client("mallory", make_root("Other Root"));
  const Connection made = connect(
      gateway, {.version = 0, .server_name = "HOST.example", .protocols = {"h2", "http/1.1"}, .certificate = &other});
  CHECK(made.reason() == Reason::unknown_ca);
  CHECK(made.report().sni == "HOST.example");
  CHECK(made.report().offered_versions == "TLSv1.3,TLSv1.2");
  CHECK(made.report().offered_alpn == "h2,http/1.1");
  CHECK(made.report().presented_subject == "CN=mallory");
  CHECK(made.report().presented_issuer == "CN=Other Root");
  CHECK(made.report().host == 0);
  CHECK_FALSE(made.report().detail.empty());
}
