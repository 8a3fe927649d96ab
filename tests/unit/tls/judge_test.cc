#include "tls/judge.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "tls/chain_verifier.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

// A real chain, as a full handshake leaves it.
struct Fixture {
  Issued intermediate = make_intermediate("Issuing CA", client_root());
  Issued leaf = make_client("alice", intermediate);
  Gateway gateway{{HostSpec{}}};
  std::shared_ptr<const VerifiedPeer> peer =
      connect(gateway, {.certificate = &leaf, .chain = {&intermediate}}).server->peer();
  HostOptions host = gateway.host();
  std::chrono::sys_seconds now = gateway.now();
  RevocationKnowledge known;

  void use_crls(const std::vector<std::string>& crls, bool require = false) {
    auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}, crls));
    trust->require_revocation = require;
    // As a reload does.
    trust->crls->show_issuers_of(*gateway.host().trust->crls);
    host.trust = trust;
  }
  [[nodiscard]] Reason verdict() const { return judge(peer->chain, now, host, known); }
};

}  // namespace

TEST_CASE("a chain in its time under a known anchor is admitted") {
  const Fixture f;
  CHECK(f.verdict() == Reason::none);
}

TEST_CASE("times are inclusive at both ends, for every element") {
  Fixture f;
  for (std::size_t i = 0; i < f.peer->chain.elements.size(); ++i) {
    VerifiedChain chain = f.peer->chain;
    std::vector<ChainElement> elements = f.peer->chain.elements.all();
    elements[i].not_after = f.now;
    chain.elements = elements;
    CHECK(judge(chain, f.now, f.host, f.known) == Reason::none);
    CHECK(judge(chain, f.now + std::chrono::seconds(1), f.host, f.known) == Reason::expired);
    CHECK(judge_elements(chain, f.now + std::chrono::seconds(1), f.host, f.known).element == i);
    elements = f.peer->chain.elements.all();
    elements[i].not_before = f.now;
    chain.elements = elements;
    CHECK(judge(chain, f.now, f.host, f.known) == Reason::none);
    CHECK(judge(chain, f.now - std::chrono::seconds(1), f.host, f.known) == Reason::not_yet_valid);
  }
}

TEST_CASE("an anchor that is no longer listed refuses") {
  Fixture f;
  f.host.trust = make_trust({server_ca()});
  CHECK(f.verdict() == Reason::unknown_ca);
  f.host.trust = nullptr;
  CHECK(f.verdict() == Reason::unknown_ca);
}

TEST_CASE("revocation is looked up for each element but the anchor") {
  Fixture f;
  f.use_crls({make_crl(client_root(), {})});
  CHECK(f.verdict() == Reason::none);
  f.use_crls({make_crl(client_root(), {.revoked = {&f.leaf}})});
  CHECK(f.verdict() == Reason::none);  // another issuer's serial
  f.use_crls({make_crl(client_root(), {.revoked = {&f.intermediate}})});
  CHECK(f.verdict() == Reason::revoked);
  CHECK(judge_elements(f.peer->chain, f.now, f.host, f.known).element == 1);
  f.use_crls({make_crl(f.intermediate, {.revoked = {&f.leaf}})});
  CHECK(f.verdict() == Reason::revoked);
  f.use_crls({make_crl(client_root(), {.revoked = {&client_root()}})});
  CHECK(f.verdict() == Reason::none);
}

TEST_CASE("a CRL past its nextUpdate refuses, but what it revokes is revoked") {
  Fixture f;
  const auto end = f.now + std::chrono::hours(1);
  f.use_crls({make_crl(client_root(), {.next_update = end})});
  CHECK(judge(f.peer->chain, end - std::chrono::seconds(1), f.host, f.known) == Reason::none);
  CHECK(judge(f.peer->chain, end, f.host, f.known) == Reason::crl_expired);
  f.use_crls({make_crl(client_root(), {.revoked = {&f.intermediate}, .next_update = end})});
  CHECK(judge(f.peer->chain, end, f.host, f.known) == Reason::revoked);
  f.use_crls({make_crl(client_root(), {.has_next_update = false})});
  CHECK(judge(f.peer->chain, f.now + std::chrono::hours(24 * 200), f.host, f.known) == Reason::none);
}

TEST_CASE("within the grace an expired CRL counts: good stays good, revoked stays revoked") {
  Fixture f;
  const auto end = f.now + std::chrono::hours(1);
  const auto with_grace = [&](const Der& crl) {
    f.use_crls({crl});
    auto trust = std::make_shared<TrustSet>(*f.host.trust);
    trust->crl_grace = std::chrono::hours(24);
    f.host.trust = trust;
  };
  with_grace(make_crl(client_root(), {.next_update = end}));
  CHECK(judge(f.peer->chain, end, f.host, f.known) == Reason::none);
  CHECK(judge(f.peer->chain, end + std::chrono::hours(24) - std::chrono::seconds(1), f.host, f.known) == Reason::none);
  CHECK(judge(f.peer->chain, end + std::chrono::hours(24), f.host, f.known) == Reason::crl_expired);
  with_grace(make_crl(client_root(), {.revoked = {&f.intermediate}, .next_update = end}));
  CHECK(judge(f.peer->chain, end + std::chrono::hours(1), f.host, f.known) == Reason::revoked);
  CHECK(judge(f.peer->chain, end + std::chrono::hours(25), f.host, f.known) == Reason::revoked);
}

TEST_CASE("with the scope leaf only the client's own certificate is looked up") {
  Fixture f;
  const auto leaf_only = [&](const std::vector<std::string>& crls, bool require) {
    f.use_crls(crls, require);
    auto trust = std::make_shared<TrustSet>(*f.host.trust);
    trust->revocation_scope = RevocationScope::leaf;
    f.host.trust = trust;
  };
  leaf_only({make_crl(client_root(), {.revoked = {&f.intermediate}})}, false);
  CHECK(f.verdict() == Reason::none);
  leaf_only({make_crl(f.intermediate, {.revoked = {&f.leaf}})}, false);
  CHECK(f.verdict() == Reason::revoked);
  leaf_only({make_crl(f.intermediate, {})}, true);
  CHECK(f.verdict() == Reason::none);
  leaf_only({make_crl(client_root(), {})}, true);
  CHECK(f.verdict() == Reason::crl_missing);
}

TEST_CASE("a CRL for end entities only is none for the CAs of a chain") {
  Fixture f;
  const Der users = make_crl(client_root(), {.extensions = {{"issuingDistributionPoint", "critical,DER:30038101ff"}}});
  CHECK_FALSE(f.peer->chain.elements[0].is_ca);
  CHECK(f.peer->chain.elements[1].is_ca);
  f.use_crls({users, make_crl(f.intermediate, {})}, true);
  CHECK(judge_elements(f.peer->chain, f.now, f.host, f.known).reason == Reason::crl_missing);
  CHECK(judge_elements(f.peer->chain, f.now, f.host, f.known).element == 1);
}

TEST_CASE("where revocation is required every issuer needs a CRL") {
  Fixture f;
  f.use_crls({}, true);
  CHECK(f.verdict() == Reason::crl_missing);
  f.use_crls({make_crl(client_root(), {})}, true);
  CHECK(f.verdict() == Reason::crl_missing);
  f.use_crls({make_crl(client_root(), {}), make_crl(f.intermediate, {})}, true);
  CHECK(f.verdict() == Reason::none);
}

TEST_CASE("while a CRL that is fetched has not come everybody is refused, whatever the others say") {
  Fixture f;
  f.use_crls({make_crl(client_root(), {}), make_crl(f.intermediate, {})});
  CHECK(f.verdict() == Reason::none);
  auto pending = std::make_shared<TrustSet>(*f.host.trust);
  pending->crls_pending = true;
  f.host.trust = pending;
  CHECK(f.verdict() == Reason::crl_missing);
}

TEST_CASE("what can't be decided is refused") {
  Fixture f;
  CHECK(judge({}, f.now, f.host, f.known) == Reason::no_certificate);
  // CRLs that never saw the intermediate CA might hold its CRL.
  f.host.trust = make_trust({client_root()}, {make_crl(f.intermediate, {})});
  CHECK(f.verdict() == Reason::crl_missing);
  auto without_index = std::make_shared<TrustSet>(*f.host.trust);
  without_index->crls = nullptr;
  f.host.trust = without_index;
  CHECK(f.verdict() == Reason::internal);
}

TEST_CASE("a live connection is judged by the mode and by its chain") {
  Fixture f;
  CHECK(judge_live(f.peer.get(), f.now, f.host, f.known) == Reason::none);
  CHECK(judge_live(nullptr, f.now, f.host, f.known) == Reason::no_certificate);
  f.host.client_auth = ClientAuth::optional;
  CHECK(judge_live(nullptr, f.now, f.host, f.known) == Reason::none);
  CHECK(judge_live(f.peer.get(), f.now + std::chrono::hours(24 * 400), f.host, f.known) == Reason::expired);
  f.host.client_auth = ClientAuth::off;
  f.host.trust = nullptr;
  CHECK(judge_live(nullptr, f.now, f.host, f.known) == Reason::none);
  CHECK(judge_live(f.peer.get(), f.now, f.host, f.known) == Reason::unknown_ca);
}

TEST_CASE("a live connection ends when its host asks for what its chain was not checked for") {
  Fixture f;
  const auto with = [&](auto change) {
    HostOptions host = f.host;
    auto trust = std::make_shared<TrustSet>(*f.host.trust);
    change(host, *trust);
    host.trust = std::move(trust);
    return host;
  };
  const HostOptions same = with([](HostOptions&, TrustSet&) {});
  CHECK(judge_stricter_host(f.peer.get(), f.host, same) == Reason::none);
  const auto changed = [&](auto laxer) {
    const HostOptions lax = with(laxer);
    CHECK(judge_stricter_host(f.peer.get(), f.host, lax) == Reason::none);
    CHECK(judge_stricter_host(nullptr, lax, f.host) == Reason::none);
    return judge_stricter_host(f.peer.get(), lax, f.host);
  };
  CHECK(changed([](HostOptions&, TrustSet& t) { t.partial_chains = true; }) == Reason::unknown_ca);
  CHECK(changed([](HostOptions&, TrustSet& t) { t.require_client_purpose = false; }) == Reason::wrong_purpose);
  CHECK(changed([](HostOptions&, TrustSet& t) { t.strict_profile = false; }) == Reason::malformed_certificate);
  CHECK(changed([](HostOptions& h, TrustSet&) { h.settings.min_rsa_bits = 1024; }) == Reason::weak_key);
  const std::size_t elements = f.peer->chain.elements.size();
  const auto depth = static_cast<unsigned>(elements - 2);
  CHECK(judge_stricter_host(f.peer.get(), f.host, with([&](HostOptions&, TrustSet& t) { t.depth = depth; })) ==
        Reason::none);
  if (depth > 0) {
    CHECK(judge_stricter_host(f.peer.get(), f.host, with([&](HostOptions&, TrustSet& t) { t.depth = depth - 1; })) ==
          Reason::chain_too_deep);
  }
}
