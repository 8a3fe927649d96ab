#include "tls/session_ticket.h"

#include <doctest/doctest.h>

#include "core/limits.h"
#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

using Change = void (*)(SessionAppData&);

// judge_session() on a session of `gateway`'s first host, changed.
struct Fixture {
  Issued alice = make_client("alice", client_root());
  gateway::core::HostTable hosts;

  Reason judged(const Gateway& gateway, Change change, const Issued* certificate) {
    const Connection made = connect(gateway, {.certificate = certificate});
    REQUIRE(made.established());
    const auto& contexts = static_cast<const WorkerContextSet&>(*gateway.contexts());
    ConnectionState state{contexts, hosts, {}, true, nullptr};
    state.report.host = 0;
    SessionAppData data;
    data.session_context = contexts.host_context(0)->session_context();
    if (made.server->peer()) data.chain = made.server->peer()->chain;
    if (!made.server->peer()) {
      data.chain.session_start = gateway.now();
      data.chain.session_deadline = gateway.now() + std::chrono::hours(1);
    }
    change(data);
    const Owned<SSL_SESSION, SSL_SESSION_free> session(SSL_SESSION_new());
    const std::string bytes = encode_session(data);
    REQUIRE(SSL_SESSION_set1_ticket_appdata(session.get(), bytes.data(), bytes.size()) == 1);
    const auto result = judge_session(session.get(), state);
    return result ? Reason::none : result.error().reason;
  }
};

void edit(SessionAppData& data, void (*change)(std::vector<ChainElement>&)) {
  std::vector<ChainElement> elements = data.chain.elements.all();
  change(elements);
  data.chain.elements = std::move(elements);
}

constexpr Change kUnchanged = [](SessionAppData&) {};

}  // namespace

TEST_CASE("a session as it was sealed is admitted") {
  Fixture f;
  const Gateway strict({HostSpec{}});
  CHECK(f.judged(strict, kUnchanged, &f.alice) == Reason::none);
  const Gateway open({{.client_auth = ClientAuth::off}});
  CHECK(f.judged(open, kUnchanged, nullptr) == Reason::none);
}

TEST_CASE("a session of another context, past or beyond its deadline, or without data is refused") {
  Fixture f;
  const Gateway strict({HostSpec{}});
  const Change changes[] = {
      [](SessionAppData& d) { d.session_context[0] ^= 1; },
      [](SessionAppData& d) { d.chain.session_deadline = real_now() - std::chrono::minutes(1); },
      [](SessionAppData& d) { d.chain.session_start += gateway::core::kClockSkew + std::chrono::minutes(1); },
      // The lifetime of today counts from the handshake, whatever deadline was written then.
      [](SessionAppData& d) {
        d.chain.session_start -= gateway::core::kSessionLifetime;
        d.chain.session_deadline += std::chrono::hours(24);
      },
      [](SessionAppData& d) { edit(d, [](auto& all) { all.back().fingerprint[0] ^= 1; }); },
      [](SessionAppData& d) {
        edit(d, [](auto& all) { all.front().not_after = real_now() - std::chrono::minutes(1); });
      },
      [](SessionAppData& d) { d.chain.elements = {}; },
      [](SessionAppData& d) { edit(d, [](auto& all) { all.front().serial.clear(); }); },
  };
  for (const Change change : changes) CHECK(f.judged(strict, change, &f.alice) != Reason::none);
}

TEST_CASE("a session with an identity is none for a host that asks for no certificate") {
  Fixture f;
  const Gateway open({{.client_auth = ClientAuth::off}});
  CHECK(f.judged(
            open,
            [](SessionAppData& d) {
              d.chain.elements = std::vector{d.chain.elements.empty() ? ChainElement{} : d.chain.elements[0]};
              edit(d, [](auto& all) { all[0].serial.assign(1, 'x'); });
            },
            nullptr) == Reason::internal);
}

TEST_CASE("replicas' clocks may differ a little") {
  Fixture f;
  const Gateway strict({HostSpec{}});
  CHECK(f.judged(
            strict, [](SessionAppData& d) { d.chain.session_start += gateway::core::kClockSkew / 2; }, &f.alice) ==
        Reason::none);
}

TEST_CASE("a host without tickets takes no session, whoever sealed it") {
  Fixture f;
  for (const ClientAuth mode : {ClientAuth::off, ClientAuth::optional, ClientAuth::strict}) {
    const Gateway gateway({{.client_auth = mode, .session_tickets = false}});
    CHECK(f.judged(gateway, kUnchanged, mode == ClientAuth::strict ? &f.alice : nullptr) == Reason::internal);
  }
}

TEST_CASE("before a host was chosen no session is good") {
  const Gateway gateway({HostSpec{}});
  const gateway::core::HostTable hosts;
  ConnectionState state{static_cast<const WorkerContextSet&>(*gateway.contexts()), hosts, {}, true, nullptr};
  const Owned<SSL_SESSION, SSL_SESSION_free> session(SSL_SESSION_new());
  CHECK_FALSE(judge_session(session.get(), state).has_value());
  state.report.host = 0;
  CHECK_FALSE(judge_session(session.get(), state).has_value());
}
