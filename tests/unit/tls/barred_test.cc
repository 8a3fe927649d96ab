// OnRefusal::http: the handshake of a refused client completes so that it can be told why, and gives it nothing.
#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::vector<HostSpec> host(ClientAuth mode, std::shared_ptr<const TrustSet> trust = make_trust({client_root()}),
                           SessionStore store = SessionStore::process) {
  return {{.client_auth = mode, .trust = std::move(trust), .on_refusal = OnRefusal::http, .session_store = store}};
}

// TLS 1.2 tells the id of the session that it may come to keep before it knows the client's certificate.
bool has_bare_id(const Connection& made, SessionStore store) {
  return store == SessionStore::process && SSL_version(made.client->ssl()) == TLS1_2_VERSION;
}

// Nobody, known for nothing, with nothing to come back with; but with a line to be told on.
void check_barred(Connection& made, Reason reason, SessionStore store) {
  REQUIRE(made.barred());
  CHECK(made.reason() == reason);
  CHECK(made.server->peer() == nullptr);
  CHECK_FALSE(made.report().resumed);
  CHECK(made.client->alert() == -1);
  if (!has_bare_id(made, store)) {
    CHECK(made.client->tickets() == 0);
    CHECK(made.client->session() == nullptr);
  }
  REQUIRE(made.client->write("why?"));
  CHECK(exchange(made) == "why?");
  REQUIRE(made.server->write("because"));
  exchange(made);
  CHECK(made.client->read() == "because");
  CHECK((made.client->tickets() == 0 || has_bare_id(made, store)));
}

}  // namespace

TEST_CASE("with on_refusal http a refused certificate leads to a barred connection") {
  const Issued stranger_root = make_root("Stranger Root");
  const Issued stranger = make_client("alice", stranger_root);
  const Issued expired =
      issue({.common_name = "late", .not_after = real_now() - std::chrono::minutes(10)}, &client_root());
  const Issued revoked = make_client("revoked", client_root());
  const auto trust = make_trust({client_root()}, {make_crl(client_root(), {.revoked = {&revoked}})});
  for (const ClientAuth mode : {ClientAuth::optional, ClientAuth::strict}) {
    for (const auto [version, store] : kSessionKinds) {
      CAPTURE(version);
      const Gateway gateway(host(mode, trust, store));
      for (const auto& [certificate, reason] :
           {std::pair{&stranger, Reason::unknown_ca}, std::pair{&expired, Reason::expired},
            std::pair{&revoked, Reason::revoked}}) {
        CAPTURE(reason);
        const std::size_t sessions = gateway.sessions().stats().sessions;
        Connection made = connect(gateway, {.version = version, .certificate = certificate});
        check_barred(made, reason, store);
        CHECK(gateway.sessions().stats().sessions == sessions);
        const Connection again = connect(gateway, {.version = version, .session = made.client->session()});
        CHECK(again.server->peer() == nullptr);
        CHECK_FALSE(again.report().resumed);
      }
    }
    const Gateway gateway(host(mode, trust));
    Connection retried = connect(gateway, {.certificate = &stranger, .groups = "P-521:P-256"});
    check_barred(retried, Reason::unknown_ca, SessionStore::process);
  }
}

TEST_CASE("with on_refusal http a missing certificate bars on a strict host and nowhere else") {
  for (const auto [version, store] : kSessionKinds) {
    CAPTURE(version);
    const Gateway strict(host(ClientAuth::strict, make_trust({client_root()}), store));
    Connection made = connect(strict, {.version = version});
    check_barred(made, Reason::no_certificate, store);
    CHECK(strict.sessions().stats().sessions == 0);
    const Gateway optional(host(ClientAuth::optional, make_trust({client_root()}), store));
    const Connection anonymous = connect(optional, {.version = version});
    CHECK(anonymous.established());
    CHECK(anonymous.client->session() != nullptr);
  }
}

TEST_CASE("with on_refusal http a good client is served and resumes as ever") {
  const Issued alice = make_client("alice", client_root());
  for (const ClientAuth mode : {ClientAuth::optional, ClientAuth::strict}) {
    for (const auto [version, store] : kSessionKinds) {
      CAPTURE(version);
      const Gateway gateway(host(mode, make_trust({client_root()}), store));
      ClientSpec client{.version = version, .certificate = &alice};
      for (int i = 0; i < 3; ++i) {
        const Connection made = connect(gateway, client);
        REQUIRE(made.established());
        CHECK(made.report().resumed == (i > 0));
        CHECK(made.common_name() == "alice");
        REQUIRE(made.client->session() != nullptr);
        client.session = made.client->session();
      }
    }
  }
}

TEST_CASE("a session whose client is refused now is barred, not resumed") {
  const Issued alice = make_client("alice", client_root());
  for (const auto [version, store] : kSessionKinds) {
    CAPTURE(version);
    Gateway gateway(host(ClientAuth::strict, make_trust({client_root()}), store));
    ClientSpec client{.version = version, .certificate = &alice};
    client.session = connect(gateway, client).client->session();
    REQUIRE(client.session != nullptr);
    const auto revoking = make_trust({client_root()}, {make_crl(client_root(), {.revoked = {&alice}})});
    gateway.reload(host(ClientAuth::strict, revoking, store));
    Connection made = connect(gateway, client);
    check_barred(made, Reason::revoked, store);
    // And if it leaves its certificate at home.
    client.certificate = nullptr;
    const Connection bare = connect(gateway, client);
    REQUIRE(bare.barred());
    CHECK(bare.reason() == Reason::no_certificate);
    CHECK(bare.server->peer() == nullptr);
  }
}

TEST_CASE("a reload changes how a refusal is told, either way") {
  for (const int version : kVersions) {
    Gateway gateway(host(ClientAuth::strict));
    CHECK(connect(gateway, {.version = version}).barred());
    gateway.reload({HostSpec{}});
    CHECK(connect(gateway, {.version = version}).status == HandshakeStatus::refused);
    gateway.reload(host(ClientAuth::strict));
    CHECK(connect(gateway, {.version = version}).barred());
  }
}

TEST_CASE("only faults of the certificate bar: others end with their alert") {
  const Issued alice = make_client("alice", client_root());
  const Gateway gateway(host(ClientAuth::strict));
  CHECK(connect(gateway, {.server_name = "nobody.example", .certificate = &alice}).status == HandshakeStatus::refused);
  const Connection protocols = connect(gateway, {.protocols = {"h3"}, .certificate = &alice});
  CHECK(protocols.status == HandshakeStatus::refused);
  CHECK(protocols.reason() == Reason::no_application_protocol);
  const Gateway without_crl_index({{.trust =
                                        [] {
                                          auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}));
                                          trust->crls = nullptr;
                                          return trust;
                                        }(),
                                    .on_refusal = OnRefusal::http}});
  const Connection broken = connect(without_crl_index, {.certificate = &alice});
  CHECK(broken.status == HandshakeStatus::refused);
  CHECK(broken.reason() == Reason::internal);
}

TEST_CASE("a host with on_refusal http is no way into one with alert") {
  const auto trust = make_trust({client_root()});
  const Gateway gateway({{.name = "kind.example", .trust = trust, .on_refusal = OnRefusal::http},
                         {.name = "curt.example", .trust = trust}});
  for (const int version : kVersions) {
    CHECK(connect(gateway, {.version = version, .server_name = "kind.example"}).barred());
    const Connection curt = connect(gateway, {.version = version, .server_name = "curt.example"});
    CHECK(curt.status == HandshakeStatus::refused);
    CHECK(curt.client->alert() != -1);
  }
}
