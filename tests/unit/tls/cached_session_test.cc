// Sessions kept in the process: what only they can get wrong. What every session must hold to is in resumption_test.cc.
#include <doctest/doctest.h>
#include <openssl/rand.h>

#include "test_gateway.h"
#include "tls/limits.h"
#include "tls/session_cache.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::vector<HostSpec> one_host(ClientAuth mode = ClientAuth::strict) {
  return {{.client_auth = mode}};
}

std::vector<HostSpec> of_store(SessionStore store) {
  return {{.session_store = store}};
}

const Issued& alice() {
  static const Issued client = make_client("alice", client_root());
  return client;
}

// The id that the client of `session` would send: TLS 1.3 has it as the ticket.
std::string sent_id(const SessionPtr& session) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(session.get(), &bytes, &size);
  if (size == 0) {
    unsigned length = 0;
    bytes = SSL_SESSION_get_id(session.get(), &length);
    size = length;
  }
  return {reinterpret_cast<const char*>(bytes), size};
}

SessionId cache_id(const SessionPtr& session) {
  const std::string sent = sent_id(session);
  SessionId id{};
  REQUIRE(sent.size() == id.size());
  std::ranges::copy(sent, id.begin());
  return id;
}

std::shared_ptr<const CachedSession> cached(const Gateway& gateway, const SessionPtr& session) {
  return gateway.sessions().find(cache_id(session), gateway.now());
}

// The session with another id in it, as the client offers it.
SessionPtr with_id(const SessionPtr& session, const std::string& id) {
  std::string der(static_cast<std::size_t>(i2d_SSL_SESSION(session.get(), nullptr)), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_SSL_SESSION(session.get(), &out);
  const std::string old = sent_id(session);
  const auto at = der.find(old);
  REQUIRE(at != std::string::npos);
  der.replace(at, old.size(), id);
  const auto* in = reinterpret_cast<const unsigned char*>(der.data());
  SessionPtr changed(d2i_SSL_SESSION(nullptr, &in, static_cast<long>(der.size())), SSL_SESSION_free);
  REQUIRE(changed != nullptr);
  return changed;
}

}  // namespace

TEST_CASE("a client resumes on whichever worker it comes to, as who it was") {
  const Issued intermediate = make_intermediate("Issuing CA", client_root());
  const Issued deep = make_client("deep", intermediate);
  for (const int version : kVersions) {
    CAPTURE(version);
    const Gateway here(one_host());
    const Gateway there(one_host(), here);
    ClientSpec client{.version = version, .certificate = &deep, .chain = {&intermediate}};
    const Connection first = connect(here, client);
    client.session = first.client->session();
    client.certificate = nullptr;
    for (const Gateway* worker : {&there, &here, &there}) {
      const Connection made = connect(*worker, client);
      REQUIRE(made.established());
      CHECK(made.report().resumed);
      // Not only alike: nothing was read from a certificate again.
      CHECK(made.server->peer() == first.server->peer());
      client.session = made.client->session();
    }
    CHECK(here.sessions().stats().sessions <= 4);
  }
}

TEST_CASE("what is kept of a session is no certificate, and in TLS 1.3 is given for one more visit") {
  for (const int version : kVersions) {
    CAPTURE(version);
    Gateway gateway(one_host());
    const ClientSpec client{.version = version, .certificate = &alice()};
    const Connection first = connect(gateway, client);
    const SessionPtr session = first.client->session();
    const auto kept = cached(gateway, session);
    REQUIRE(kept != nullptr);
    CHECK(kept->peer == first.server->peer());
    CHECK(kept->end == first.server->peer()->chain.session_deadline);
    CHECK(kept->der.view().find(alice().der()) == std::string_view::npos);
    CHECK(kept->der.view().size() < 1024);
    ClientSpec again = client;
    again.session = session;
    CHECK(connect(gateway, again).report().resumed);
    // Others that the client opened at the same moment have nothing but the same session.
    gateway.advance(kSessionReuse - std::chrono::seconds(1));
    CHECK(connect(gateway, again).report().resumed);
    gateway.advance(std::chrono::seconds(1));
    CHECK(connect(gateway, again).report().resumed == (version == TLS1_2_VERSION));
  }
}

TEST_CASE("an id that nobody was given is nobody's session") {
  for (const int version : kVersions) {
    CAPTURE(version);
    const Gateway gateway(one_host());
    ClientSpec client{.version = version, .certificate = &alice()};
    const SessionPtr session = connect(gateway, client).client->session();
    std::string other(kSessionIdBytes, '\0');
    REQUIRE(RAND_bytes(reinterpret_cast<unsigned char*>(other.data()), static_cast<int>(other.size())) == 1);
    std::string near = sent_id(session);
    near.back() ^= 1;
    for (const std::string& id : {other, near, std::string(kSessionIdBytes, '\0')}) {
      client.session = with_id(session, id);
      client.certificate = nullptr;
      CHECK(connect(gateway, client).reason() == Reason::no_certificate);
    }
    client.session = session;
    CHECK(connect(gateway, client).report().resumed);
  }
}

TEST_CASE("who knows the id of a session but not its secret is refused") {
  const Issued mallory = make_client("mallory", client_root());
  for (const int version : kVersions) {
    CAPTURE(version);
    const Gateway gateway(one_host());
    const SessionPtr alices = connect(gateway, {.version = version, .certificate = &alice()}).client->session();
    const SessionPtr mallorys = connect(gateway, {.version = version, .certificate = &mallory}).client->session();
    // Seen on the wire.
    const SessionPtr stolen = with_id(mallorys, sent_id(alices));
    const Connection made = connect(gateway, {.version = version, .certificate = &mallory, .session = stolen});
    CHECK(made.status == HandshakeStatus::refused);
    CHECK(made.server->peer() == nullptr);
    const Connection own = connect(gateway, {.version = version, .session = mallorys});
    CHECK(own.report().resumed);
    CHECK(own.common_name() == "mallory");
  }
}

TEST_CASE("a session whose handshake or connection failed is forgotten, one that was only cut off is not") {
  for (const int version : kVersions) {
    CAPTURE(version);
    const Gateway gateway(one_host());
    const ClientSpec client{.version = version, .certificate = &alice()};
    SessionPtr session;
    {
      const Connection cut = connect(gateway, client);
      session = cut.client->session();
    }
    CHECK(cached(gateway, session) != nullptr);
    {
      Connection broken = connect(gateway, client);
      session = broken.client->session();
      REQUIRE(broken.client->write("something"));
      std::string record = broken.client->take_output();
      record.back() ^= 1;
      broken.server->lend(record);
      std::array<char, 64> buffer{};
      CHECK(broken.server->read(buffer).status == ReadStatus::failed);
      broken.server->reclaim();
    }
    CHECK(cached(gateway, session) == nullptr);
  }
}

TEST_CASE("who was refused at the end leaves nothing, and neither does a handshake that never ended") {
  const Issued stranger = make_client("alice", make_root("Stranger Root"));
  for (const int version : kVersions) {
    CAPTURE(version);
    for (const OnRefusal on_refusal : {OnRefusal::alert, OnRefusal::http}) {
      const Gateway gateway({{.on_refusal = on_refusal}});
      CHECK_FALSE(connect(gateway, {.version = version, .certificate = &stranger}).established());
      CHECK_FALSE(connect(gateway, {.version = version}).established());
      CHECK(gateway.sessions().stats().sessions == 0);
    }
    const Gateway gateway(one_host());
    const auto server = gateway.accept();
    Client client({.version = version, .certificate = &alice()});
    client.handshake();
    const std::string hello = client.take_output();
    server->lend(hello);
    CHECK(server->handshake() == HandshakeStatus::pending);
    server->reclaim();
    CHECK(gateway.sessions().stats().sessions == 0);
  }
}

TEST_CASE("a store takes no session of the other") {
  for (const int version : kVersions) {
    CAPTURE(version);
    for (const auto& [before, after] : {std::pair{SessionStore::process, SessionStore::tickets},
                                        std::pair{SessionStore::tickets, SessionStore::process}}) {
      Gateway gateway(of_store(before));
      const ClientSpec client{.version = version, .certificate = &alice()};
      const SessionPtr session = connect(gateway, client).client->session();
      gateway.reload(of_store(after));
      ClientSpec back = client;
      back.session = session;
      const Connection made = connect(gateway, back);
      REQUIRE(made.established());
      CHECK_FALSE(made.report().resumed);
      CHECK(made.client->session() != nullptr);
      back.certificate = nullptr;
      CHECK(connect(gateway, back).reason() == Reason::no_certificate);
    }
  }
}

TEST_CASE("a host with tickets keeps nothing here") {
  for (const int version : kVersions) {
    const Gateway gateway(of_store(SessionStore::tickets));
    ClientSpec client{.version = version, .certificate = &alice()};
    client.session = connect(gateway, client).client->session();
    CHECK(connect(gateway, client).report().resumed);
    CHECK(gateway.sessions().stats().sessions == 0);
  }
}

TEST_CASE("a session that lost its room is a full handshake") {
  for (const int version : kVersions) {
    CAPTURE(version);
    const Gateway gateway(one_host());
    gateway.sessions().set_capacity(16);
    ClientSpec client{.version = version, .certificate = &alice()};
    client.session = connect(gateway, client).client->session();
    gateway.sessions().set_capacity(0);
    const Connection made = connect(gateway, client);
    REQUIRE(made.established());
    CHECK_FALSE(made.report().resumed);
  }
}

TEST_CASE("what stands in the cache is judged by what it says, whoever put it there") {
  const Issued bob = make_client("bob", client_root());
  for (const int version : kVersions) {
    CAPTURE(version);
    const auto comes_back_as = [version, &bob](const auto& change) {
      const Gateway gateway(one_host());
      const SessionPtr bobs = connect(gateway, {.version = version, .certificate = &bob}).client->session();
      const SessionPtr session = connect(gateway, {.version = version, .certificate = &alice()}).client->session();
      const auto kept = cached(gateway, session);
      auto changed = std::make_shared<CachedSession>();
      changed->id = kept->id;
      changed->end = kept->end;
      changed->peer = kept->peer;
      changed->der = gateway::core::Secret(kept->der.view());
      change(*changed, *cached(gateway, bobs));
      gateway.sessions().remove(kept->id);
      gateway.sessions().put(changed, gateway.now());
      return connect(gateway, {.version = version, .session = session});
    };
    CHECK(comes_back_as([](CachedSession&, const CachedSession&) {}).common_name() == "alice");
    // The identity of one client beside the session of another, of an anonymous one, or without a session.
    const Connection other = comes_back_as([](CachedSession& one, const CachedSession& bobs) { one.peer = bobs.peer; });
    CHECK(other.status == HandshakeStatus::refused);
    CHECK(other.server->peer() == nullptr);
    const Connection nobody = comes_back_as([](CachedSession& one, const CachedSession&) { one.peer = nullptr; });
    CHECK(nobody.status == HandshakeStatus::refused);
    const Connection empty =
        comes_back_as([](CachedSession& one, const CachedSession&) { one.der = gateway::core::Secret("nonsense"); });
    CHECK(empty.reason() == Reason::no_certificate);
    // Another secret than the client's.
    const Connection swapped = comes_back_as([](CachedSession& one, const CachedSession& bobs) {
      one.der = gateway::core::Secret(bobs.der.view());
      one.peer = bobs.peer;
    });
    CHECK(swapped.status == HandshakeStatus::refused);
  }
}

TEST_CASE("with a HelloRetryRequest a session is looked up twice, and both times it counts") {
  const Gateway gateway(one_host());
  ClientSpec client{.certificate = &alice()};
  const SessionPtr session = connect(gateway, client).client->session();
  client.session = session;
  client.groups = "P-521:P-256";
  const Connection made = connect(gateway, client);
  REQUIRE(made.established());
  CHECK(made.report().resumed);
  CHECK(made.common_name() == "alice");
}
