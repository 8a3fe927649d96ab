#include <doctest/doctest.h>

#include "core/limits.h"
#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

// The session of a full handshake, which must succeed.
SessionPtr session_of(const Gateway& gateway, const ClientSpec& client) {
  const Connection made = connect(gateway, client);
  REQUIRE(made.established());
  CHECK_FALSE(made.report().resumed);
  REQUIRE(made.client->session() != nullptr);
  return made.client->session();
}

ClientSpec with(ClientSpec client, const SessionPtr& session) {
  client.session = session;
  return client;
}

std::string ticket_bytes(const SessionPtr& session) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (session) SSL_SESSION_get0_ticket(session.get(), &bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<HostSpec> one_host(SessionStore store, ClientAuth mode,
                               std::shared_ptr<const TrustSet> trust = make_trust({client_root()})) {
  return {{.client_auth = mode, .trust = std::move(trust), .session_store = store}};
}

}  // namespace

TEST_CASE("a session resumes on its host, with the whole identity of its first handshake") {
  const Issued alice =
      issue({.common_name = "alice", .extensions = {{"subjectAltName", "URI:spiffe://corp/alice"}}}, &client_root());
  for (const ClientAuth mode : {ClientAuth::optional, ClientAuth::strict}) {
    for (const auto [version, store] : kSessionKinds) {
      const Gateway gateway(one_host(store, mode));
      CAPTURE(version);
      CAPTURE(static_cast<int>(store));
      const ClientSpec client{.version = version, .certificate = &alice};
      const Connection first = connect(gateway, client);
      const Connection second = connect(gateway, with(client, first.client->session()));
      REQUIRE(second.established());
      CHECK(second.report().resumed);
      REQUIRE(second.server->peer() != nullptr);
      const auto& before = *first.server->peer();
      const auto& after = *second.server->peer();
      CHECK(after.identity->fingerprint == before.identity->fingerprint);
      CHECK(after.identity->uri_sans == std::vector<std::string>{"spiffe://corp/alice"});
      CHECK(after.identity->certificate_der == alice.der());
      CHECK(after.identity->serial == before.identity->serial);
      CHECK(after.chain.elements.size() == 2);
      CHECK(after.chain.session_deadline == before.chain.session_deadline);
    }
  }
}

TEST_CASE("an anonymous session resumes as anonymous") {
  for (const ClientAuth mode : {ClientAuth::off, ClientAuth::optional}) {
    for (const auto [version, store] : kSessionKinds) {
      const Gateway gateway(one_host(store, mode));
      const ClientSpec client{.version = version};
      const Connection second = connect(gateway, with(client, session_of(gateway, client)));
      REQUIRE(second.established());
      CHECK(second.report().resumed);
      CHECK(second.server->peer() == nullptr);
    }
  }
}

TEST_CASE("a session does not cross to another host, whatever the two share") {
  const auto trust = make_trust({client_root()});
  const Issued alice = make_client("alice", client_root());
  const Issued other_root = make_root("Other Root");
  for (const auto [version, store] : kSessionKinds) {
    std::vector<HostSpec> hosts{
        {.name = "a.example", .client_auth = ClientAuth::strict, .trust = trust},
        {.name = "b.example", .client_auth = ClientAuth::strict, .trust = trust},
        {.name = "other.example", .client_auth = ClientAuth::strict, .trust = make_trust({other_root})},
        {.name = "open.example", .is_default = true, .client_auth = ClientAuth::off},
        {.name = "maybe.example", .client_auth = ClientAuth::optional, .trust = trust},
    };
    for (HostSpec& host : hosts) host.session_store = store;
    const Gateway gateway(hosts);
    CAPTURE(version);
    CAPTURE(static_cast<int>(store));
    const ClientSpec at_a{.version = version, .server_name = "a.example", .certificate = &alice};
    const SessionPtr session = session_of(gateway, at_a);
    ClientSpec elsewhere = with(at_a, session);
    elsewhere.certificate = nullptr;
    elsewhere.server_name = "b.example";
    CHECK(connect(gateway, elsewhere).reason() == Reason::no_certificate);
    elsewhere.server_name = "other.example";
    CHECK(connect(gateway, elsewhere).reason() == Reason::no_certificate);
    for (const char* name : {"maybe.example", "open.example", ""}) {
      CAPTURE(name);
      elsewhere.server_name = name;
      const Connection made = connect(gateway, elsewhere);
      REQUIRE(made.established());
      CHECK_FALSE(made.report().resumed);
      CHECK(made.server->peer() == nullptr);
    }
    // Nor does an anonymous session open a strict host.
    const SessionPtr anonymous = session_of(gateway, {.version = version, .server_name = "open.example"});
    const Connection made = connect(gateway, {.version = version, .server_name = "a.example", .session = anonymous});
    CHECK(made.reason() == Reason::no_certificate);
  }
}

TEST_CASE("with a HelloRetryRequest a session resumes on its host and does not cross") {
  const Issued alice = make_client("alice", client_root());
  const auto trust = make_trust({client_root()});
  for (const SessionStore store : {SessionStore::process, SessionStore::tickets}) {
    const Gateway gateway({{.name = "a.example", .trust = trust, .session_store = store},
                           {.name = "b.example", .trust = trust, .session_store = store}});
    ClientSpec client{.server_name = "a.example", .certificate = &alice, .groups = "P-521:P-256"};
    client.session = session_of(gateway, client);
    const Connection same = connect(gateway, client);
    REQUIRE(same.established());
    CHECK(same.report().resumed);
    CHECK(same.common_name() == "alice");
    client.server_name = "b.example";
    client.certificate = nullptr;
    CHECK(connect(gateway, client).reason() == Reason::no_certificate);
  }
}

TEST_CASE("a mode made stricter ends old sessions") {
  for (const auto [version, store] : kSessionKinds) {
    CAPTURE(version);
    CAPTURE(static_cast<int>(store));
    Gateway gateway(one_host(store, ClientAuth::optional));
    const ClientSpec anonymous{.version = version};
    const SessionPtr session = session_of(gateway, anonymous);
    gateway.reload(one_host(store, ClientAuth::strict));
    CHECK(connect(gateway, with(anonymous, session)).reason() == Reason::no_certificate);
  }
}

TEST_CASE("a certificate revoked since is refused on resumption by a full handshake with its alert") {
  const Issued alice = make_client("alice", client_root());
  const Issued bob = make_client("bob", client_root());
  for (const auto [version, store] : kSessionKinds) {
    CAPTURE(version);
    CAPTURE(static_cast<int>(store));
    Gateway gateway(one_host(store, ClientAuth::strict));
    const ClientSpec as_alice{.version = version, .certificate = &alice};
    const ClientSpec as_bob{.version = version, .certificate = &bob};
    const SessionPtr alices = session_of(gateway, as_alice);
    const SessionPtr bobs = session_of(gateway, as_bob);
    gateway.reload(one_host(store, ClientAuth::strict,
                            make_trust({client_root()}, {make_crl(client_root(), {.revoked = {&alice}})})));
    const Connection refused = connect(gateway, with(as_alice, alices));
    CHECK(refused.reason() == Reason::revoked);
    CHECK(refused.client->alert() == SSL_AD_CERTIFICATE_REVOKED);
    // Without the certificate at hand there is nothing but the session, and that is worth nothing now.
    CHECK(connect(gateway, {.version = version, .session = alices}).reason() == Reason::no_certificate);
    // The new CRL ends only what it refuses.
    const Connection good = connect(gateway, with(as_bob, bobs));
    REQUIRE(good.established());
    CHECK(good.report().resumed);
  }
}

TEST_CASE("a CA removed since ends its sessions, and a CA of the same name does not bring them back") {
  const Issued alice = make_client("alice", client_root());
  const Issued twin = make_root("Client Root");
  for (const auto [version, store] : kSessionKinds) {
    Gateway gateway(one_host(store, ClientAuth::strict));
    const ClientSpec client{.version = version, .certificate = &alice};
    const SessionPtr session = session_of(gateway, client);
    gateway.reload(one_host(store, ClientAuth::strict, make_trust({twin})));
    const Connection made = connect(gateway, with(client, session));
    CHECK(made.status == HandshakeStatus::refused);
    CHECK_FALSE(made.report().resumed);
  }
}

TEST_CASE("a certificate that expired since is refused on resumption") {
  const Issued brief =
      issue({.common_name = "brief", .not_after = real_now() + std::chrono::minutes(10)}, &client_root());
  for (const auto [version, store] : kSessionKinds) {
    Gateway gateway(one_host(store, ClientAuth::strict));
    const ClientSpec client{.version = version, .certificate = &brief};
    const SessionPtr session = session_of(gateway, client);
    gateway.advance(std::chrono::minutes(5));
    CHECK(connect(gateway, with(client, session)).report().resumed);
    gateway.advance(std::chrono::minutes(6));
    const Connection made = connect(gateway, with(client, session));
    CHECK(made.reason() == Reason::expired);
    CHECK(made.client->alert() == SSL_AD_CERTIFICATE_EXPIRED);
  }
}

TEST_CASE("a session ends at its absolute deadline, however often it was renewed") {
  const Issued alice = make_client("alice", client_root());
  for (const ClientAuth mode : {ClientAuth::optional, ClientAuth::strict}) {
    for (const auto [version, store] : kSessionKinds) {
      CAPTURE(version);
      CAPTURE(static_cast<int>(store));
      Gateway gateway(one_host(store, mode));
      ClientSpec client{.version = version, .certificate = mode == ClientAuth::strict ? &alice : nullptr};
      client.session = session_of(gateway, client);
      const auto deadline = gateway.now() + gateway::core::kSessionLifetime;
      for (int i = 0; i < 3; ++i) {
        gateway.advance(std::chrono::hours(3));
        // A new key makes the server renew a TLS 1.2 ticket, too.
        gateway.rotate_ticket_keys();
        const Connection made = connect(gateway, client);
        REQUIRE(made.established());
        CHECK(made.report().resumed);
        if (made.server->peer()) CHECK(made.server->peer()->chain.session_deadline == deadline);
        // The one kind that is the same session each time.
        if (version == TLS1_2_VERSION && store == SessionStore::process) continue;
        REQUIRE(ticket_bytes(made.client->session()) != ticket_bytes(client.session));
        client.session = made.client->session();
        CHECK(SSL_SESSION_get_ticket_lifetime_hint(client.session.get()) <=
              static_cast<unsigned long>((deadline - gateway.now()).count()));
      }
      gateway.advance(std::chrono::hours(3));
      const Connection made = connect(gateway, client);
      REQUIRE(made.established());
      CHECK_FALSE(made.report().resumed);
      CHECK(made.client->session() != nullptr);
    }
  }
}

TEST_CASE("a shorter lifetime reaches the sessions that exist, a longer one gives them nothing") {
  const Issued alice = make_client("alice", client_root());
  for (const auto [version, store] : kSessionKinds) {
    const auto living = [store](std::chrono::hours lifetime) {
      return std::vector<HostSpec>{{.session_store = store, .session_lifetime = lifetime}};
    };
    CAPTURE(version);
    CAPTURE(static_cast<int>(store));
    Gateway gateway(living(std::chrono::hours(4)));
    const ClientSpec client{.version = version, .certificate = &alice};
    const SessionPtr session = session_of(gateway, client);
    gateway.advance(std::chrono::hours(2));
    gateway.reload(living(std::chrono::hours(1)));
    CHECK_FALSE(connect(gateway, with(client, session)).report().resumed);
    gateway.reload(living(std::chrono::hours(3)));
    const Connection resumed = connect(gateway, with(client, session));
    CHECK(resumed.report().resumed);
    if (version == TLS1_3_VERSION) {
      CHECK(SSL_SESSION_get_ticket_lifetime_hint(resumed.client->session().get()) <= 3600);
    }
    gateway.reload(living(std::chrono::hours(48)));
    CHECK(connect(gateway, with(client, session)).report().resumed);
    gateway.advance(std::chrono::hours(2));
    const Connection late = connect(gateway, with(client, session));
    REQUIRE(late.established());
    CHECK_FALSE(late.report().resumed);
  }
}

TEST_CASE("a host without tickets gives none and takes none") {
  const Issued alice = make_client("alice", client_root());
  for (const OnRefusal on_refusal : {OnRefusal::alert, OnRefusal::http}) {
    for (const auto [version, store] : kSessionKinds) {
      CAPTURE(version);
      CAPTURE(static_cast<int>(store));
      Gateway gateway({{.on_refusal = on_refusal, .session_store = store}});
      const ClientSpec client{.version = version, .certificate = &alice};
      const SessionPtr session = session_of(gateway, client);
      gateway.reload({{.on_refusal = on_refusal, .session_tickets = false, .session_store = store}});
      const Connection made = connect(gateway, with(client, session));
      REQUIRE(made.established());
      CHECK_FALSE(made.report().resumed);
      CHECK(made.client->tickets() == 0);
      const Connection fresh = connect(gateway, client);
      CHECK(fresh.client->tickets() == 0);
      CHECK(fresh.client->session() == nullptr);
      CHECK(SSL_SESSION_is_resumable(SSL_get0_session(fresh.client->ssl())) == 0);
      CHECK(gateway.sessions().stats().sessions == (store == SessionStore::process ? 1 : 0));  // of before
    }
  }
}

TEST_CASE("every anchor of a trust set counts, not only the first") {
  const Issued alice = make_client("alice", client_root());
  const Issued second = make_root("Second Root");
  const Issued third = make_root("Third Root");
  for (const auto [version, store] : kSessionKinds) {
    Gateway gateway(one_host(store, ClientAuth::strict, make_trust({client_root(), second})));
    const ClientSpec client{.version = version, .certificate = &alice};
    const SessionPtr session = session_of(gateway, client);
    gateway.reload(one_host(store, ClientAuth::strict, make_trust({client_root(), third})));
    CHECK_FALSE(connect(gateway, with(client, session)).report().resumed);
  }
}

TEST_CASE("tickets outlive one rotation of the keys and no more") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Gateway gateway(one_host(SessionStore::tickets, ClientAuth::off));
    const ClientSpec client{.version = version};
    const SessionPtr session = session_of(gateway, client);
    gateway.rotate_ticket_keys();
    const Connection renewed = connect(gateway, with(client, session));
    CHECK(renewed.report().resumed);
    CHECK(renewed.client->session() != nullptr);
    gateway.rotate_ticket_keys();
    CHECK_FALSE(connect(gateway, with(client, session)).report().resumed);
    CHECK(connect(gateway, with(client, renewed.client->session())).report().resumed);
  }
}

TEST_CASE("a session of somebody else's gateway means a full handshake") {
  for (const auto [version, store] : kSessionKinds) {
    Gateway gateway(one_host(store, ClientAuth::off));
    const Gateway stranger(one_host(store, ClientAuth::off));
    const ClientSpec client{.version = version};
    const SessionPtr foreign = session_of(stranger, client);
    const Connection made = connect(gateway, with(client, foreign));
    REQUIRE(made.established());
    CHECK_FALSE(made.report().resumed);
    CHECK(made.client->session() != nullptr);
  }
}

TEST_CASE("sessions under an intermediate CA are judged by a CRL that came with a reload") {
  const Issued intermediate = make_intermediate("Issuing CA", client_root());
  const Issued alice = make_client("alice", intermediate);
  const Issued bob = make_client("bob", intermediate);
  const Der crl = make_crl(intermediate, {.revoked = {&alice}});
  for (const auto [version, store] : kSessionKinds) {
    CAPTURE(version);
    CAPTURE(static_cast<int>(store));
    Gateway gateway(one_host(store, ClientAuth::strict));
    const ClientSpec as_alice{.version = version, .certificate = &alice, .chain = {&intermediate}};
    const ClientSpec as_bob{.version = version, .certificate = &bob, .chain = {&intermediate}};
    const Connection alices = connect(gateway, as_alice);
    const SessionPtr bobs = session_of(gateway, as_bob);
    gateway.reload(one_host(store, ClientAuth::strict, make_trust({client_root()}, {crl})));
    CHECK(judge_live(alices.server->peer().get(), gateway.now(), gateway.host(), gateway.contexts()->revocations()) ==
          Reason::revoked);
    CHECK(connect(gateway, with(as_alice, alices.client->session())).reason() == Reason::revoked);
    CHECK(connect(gateway, with(as_bob, bobs)).report().resumed);
    // A process that never met the intermediate CA asks for a full handshake first.
    Gateway fresh(one_host(store, ClientAuth::strict, make_trust({client_root()}, {crl})));
    CHECK(judge_live(alices.server->peer().get(), fresh.now(), fresh.host(), fresh.contexts()->revocations()) ==
          Reason::crl_missing);
  }
}

TEST_CASE("a new certificate of the server or a reload without changes keeps sessions") {
  const Issued alice = make_client("alice", client_root());
  for (const auto [version, store] : kSessionKinds) {
    Gateway gateway(one_host(store, ClientAuth::strict));
    const ClientSpec client{.version = version, .certificate = &alice};
    const SessionPtr session = session_of(gateway, client);
    gateway.reload(one_host(store, ClientAuth::strict));
    CHECK(connect(gateway, with(client, session)).report().resumed);
  }
}
