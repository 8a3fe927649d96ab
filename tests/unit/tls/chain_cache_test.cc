#include "tls/chain_cache.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "tls/digest.h"
#include "tls/shared_certificates.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

VerificationCounts counts(const Gateway& gateway) {
  return gateway.contexts()->verification_counts();
}

// Each TLS version has its own way to the verification.
constexpr std::array kVersions = {TLS1_2_VERSION, TLS1_3_VERSION};

struct Clients {
  Issued intermediate = make_intermediate("Clients", client_root());
  Issued alice = make_client("alice", intermediate);
};
const Clients& clients() {
  static const Clients made;
  return made;
}

ClientSpec alice(int version) {
  return {.version = version, .certificate = &clients().alice, .chain = {&clients().intermediate}};
}

std::shared_ptr<const TrustSet> changed(void (*change)(TrustSet&)) {
  auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}));
  change(*trust);
  return trust;
}

std::shared_ptr<const TrustSet> with_crl(const Issued& issuer, const Issued& revoked) {
  return make_trust({client_root()}, {make_crl(issuer, {.revoked = {&revoked}})});
}

}  // namespace

TEST_CASE("a client that comes back costs no verification of its chain") {
  for (const int version : kVersions) {
    CAPTURE(version);
    const Gateway gateway({HostSpec{}});
    const Connection first = connect(gateway, alice(version));
    REQUIRE(first.established());
    CHECK(counts(gateway).chain_misses == 1);
    for (int i = 0; i < 3; ++i) {
      const Connection again = connect(gateway, alice(version));
      REQUIRE(again.established());
      CHECK_FALSE(again.report().resumed);
      CHECK(again.common_name() == "alice");
      CHECK(&again.server->peer()->chain.elements.all() == &first.server->peer()->chain.elements.all());
      CHECK(again.report().presented_subject == first.report().presented_subject);
      CHECK(again.report().presented_issuer == first.report().presented_issuer);
      CHECK(again.server->peer()->identity == first.server->peer()->identity);
      CHECK(again.server->peer()->chain.elements.size() == 3);
      CHECK(again.server->peer()->chain.session_deadline == first.server->peer()->chain.session_deadline);
    }
    CHECK(counts(gateway).chain_misses == 1);
    CHECK(counts(gateway).chain_hits == 3);
    CHECK(counts(gateway).chains == 1);
  }
}

TEST_CASE("a session's deadline counts from its own handshake, not from the one that verified the chain") {
  Gateway gateway({HostSpec{}});
  const Connection first = connect(gateway, alice(TLS1_3_VERSION));
  gateway.advance(std::chrono::hours(1));
  const Connection second = connect(gateway, alice(TLS1_3_VERSION));
  REQUIRE(counts(gateway).chain_hits == 1);
  CHECK(second.server->peer()->chain.session_start ==
        first.server->peer()->chain.session_start + std::chrono::hours(1));
}

TEST_CASE("who has a known certificate but not its key is refused") {
  const Gateway gateway({HostSpec{}});
  for (const int version : kVersions) {
    CAPTURE(version);
    REQUIRE(connect(gateway, alice(version)).established());
    // OpenSSL's client compares public keys only, so the thief's key claims alice's.
    Issued thief = make_client("alice", clients().intermediate);
    thief.certificate = clients().alice.certificate;
    thief.key = key_that_claims(*thief.key, *clients().alice.key);
    const Connection stolen =
        connect(gateway, {.version = version, .certificate = &thief, .chain = {&clients().intermediate}});
    CHECK_FALSE(stolen.established());
    CHECK(stolen.server->peer() == nullptr);
  }
}

TEST_CASE("another certificate with the same key and names is another client") {
  const Gateway gateway({HostSpec{}});
  REQUIRE(connect(gateway, alice(TLS1_3_VERSION)).established());
  const Issued twin = issue({.common_name = "alice", .old_key = clients().alice.key}, &clients().intermediate);
  const Connection made = connect(gateway, {.certificate = &twin, .chain = {&clients().intermediate}});
  REQUIRE(made.established());
  CHECK(made.server->peer()->identity->certificate_der == twin.der());
  CHECK(counts(gateway).chain_hits == 0);
  // The same names and key, but nobody trusted has signed it.
  const Issued rogue_root = make_root("Client Root");
  const Issued rogue = issue({.common_name = "alice", .old_key = clients().alice.key}, &rogue_root);
  CHECK(connect(gateway, {.certificate = &rogue}).reason() == Reason::unknown_ca);
}

TEST_CASE("a known certificate with another signature is not known") {
  const Gateway gateway({HostSpec{}});
  REQUIRE(connect(gateway, alice(TLS1_3_VERSION)).established());
  Issued forged = with_broken_signature(clients().alice);
  const Connection made = connect(gateway, {.certificate = &forged, .chain = {&clients().intermediate}});
  CHECK_FALSE(made.established());
  CHECK(counts(gateway).chain_hits == 0);
}

TEST_CASE("a known leaf without its issuer, or with other certificates beside it, is verified anew") {
  const Gateway gateway({HostSpec{}});
  REQUIRE(connect(gateway, alice(TLS1_3_VERSION)).established());
  CHECK(connect(gateway, {.certificate = &clients().alice}).reason() == Reason::unknown_ca);
  const Connection more =
      connect(gateway, {.certificate = &clients().alice, .chain = {&clients().intermediate, &client_root()}});
  CHECK(more.established());
  CHECK(counts(gateway).chain_hits == 0);
  CHECK(counts(gateway).chain_misses == 3);
}

TEST_CASE("a chain that one trust set admits is nothing to another") {
  const Issued other = make_root("Other Root");
  const Gateway gateway({{.name = "a.example"}, {.name = "b.example", .trust = make_trust({other})}});
  ClientSpec client = alice(TLS1_3_VERSION);
  client.server_name = "a.example";
  REQUIRE(connect(gateway, client).established());
  REQUIRE(connect(gateway, client).established());
  client.server_name = "b.example";
  CHECK(connect(gateway, client).reason() == Reason::unknown_ca);
}

TEST_CASE("a known chain is refused once its trust set asks for more or trusts others") {
  struct Change {
    const char* what;
    std::shared_ptr<const TrustSet> trust;
    Reason reason;
  };
  const Issued other = make_root("Other Root");
  for (const Change& change :
       {Change{"depth", changed([](TrustSet& trust) { trust.depth = 0; }), Reason::chain_too_deep},
        Change{"anchors", make_trust({other}), Reason::unknown_ca},
        Change{"CRL", with_crl(client_root(), clients().intermediate), Reason::revoked},
        Change{"CRL of the intermediate", with_crl(clients().intermediate, clients().alice), Reason::revoked},
        Change{"required CRLs", changed([](TrustSet& trust) { trust.require_revocation = true; }),
               Reason::crl_missing}}) {
    for (const int version : kVersions) {
      CAPTURE(change.what);
      CAPTURE(version);
      Gateway gateway({HostSpec{}});
      REQUIRE(connect(gateway, alice(version)).established());
      REQUIRE(connect(gateway, alice(version)).established());
      gateway.reload({{.trust = change.trust}});
      CHECK(connect(gateway, alice(version)).reason() == change.reason);
      gateway.reload({HostSpec{}});
      CHECK(connect(gateway, alice(version)).established());
    }
  }
}

TEST_CASE("a known chain is refused once the operator has revoked it") {
  const Gateway gateway({HostSpec{}});
  const Connection made = connect(gateway, alice(TLS1_3_VERSION));
  REQUIRE(made.established());
  const std::array orders = {
      RevokedCertificate{.fingerprint = made.server->peer()->identity->fingerprint, .serial = {}, .issuer = {}}};
  gateway.contexts()->revocations().ordered = std::make_shared<const KnownRevocations>(orders);
  CHECK(connect(gateway, alice(TLS1_3_VERSION)).reason() == Reason::revoked);
  CHECK(counts(gateway).chains == 0);
  CHECK(counts(gateway).chain_hits == 0);
}

TEST_CASE("a known chain is refused once one of its certificates has expired") {
  const auto soon = real_now() + std::chrono::hours(2);
  const Issued brief = issue({.common_name = "brief", .not_after = soon}, &clients().intermediate);
  const Issued brief_ca =
      issue({.common_name = "Brief CA", .is_ca = true, .extended_key_usage = "", .not_after = soon}, &client_root());
  const Issued under = make_client("under", brief_ca);
  Gateway gateway({HostSpec{}});
  const ClientSpec leaf{.certificate = &brief, .chain = {&clients().intermediate}};
  const ClientSpec issuer{.certificate = &under, .chain = {&brief_ca}};
  for (int i = 0; i < 2; ++i) {
    REQUIRE(connect(gateway, leaf).established());
    REQUIRE(connect(gateway, issuer).established());
  }
  gateway.advance(std::chrono::hours(3));
  CHECK(connect(gateway, leaf).reason() == Reason::expired);
  CHECK(connect(gateway, issuer).reason() == Reason::expired);
}

TEST_CASE("clients whose chains do not verify leave nothing behind") {
  const Gateway gateway({HostSpec{}});
  const Issued rogue_root = make_root("Rogue");
  for (int i = 0; i < 5; ++i) {
    const Issued rogue = make_client("rogue", rogue_root);
    CHECK(connect(gateway, {.certificate = &rogue}).reason() == Reason::unknown_ca);
  }
  CHECK(counts(gateway).chains == 0);
  CHECK(counts(gateway).certificates_shared == 0);
  CHECK(counts(gateway).chain_misses == 5);
}

TEST_CASE(
    "the cache holds no more chains than its capacity, and the one that was not asked for the longest time goes") {
  ChainCache cache(2);
  const auto key = [](std::string_view text) { return sha256({text}); };
  cache.put(key("a"), {});
  cache.put(key("b"), {});
  CHECK(cache.find(key("a")) != nullptr);
  cache.put(key("c"), {});
  CHECK(cache.size() == 2);
  CHECK(cache.counts().evictions == 1);
  CHECK(cache.find(key("a")) != nullptr);
  CHECK(cache.find(key("b")) == nullptr);
  CHECK(cache.find(key("c")) != nullptr);
  cache.put(key("c"), {});
  CHECK(cache.size() == 2);
  cache.drop(key("c"));
  CHECK(cache.find(key("c")) == nullptr);
  CHECK(cache.counts().evictions == 1);
}

TEST_CASE("the key of a chain is its context and its certificates in their order, whether they are kept or not") {
  SharedCertificates none(EVP_sha256());
  SharedCertificates kept(EVP_sha256());
  kept.keep(clients().alice.certificate.get());
  const auto key = [](const std::vector<const Issued*>& presented, std::string_view context,
                      const SharedCertificates& certificates) {
    const CertificateStackPtr stack(sk_X509_new_null());
    for (const Issued* one : presented) {
      X509_up_ref(one->certificate.get());
      sk_X509_push(stack.get(), one->certificate.get());
    }
    return ChainCache::key_of(sha256({context}), stack.get(), certificates, EVP_sha256());
  };
  const Issued* const leaf = &clients().alice;
  const Issued* const issuer = &clients().intermediate;
  const auto whole = key({leaf, issuer}, "a", none);
  CHECK(key({leaf, issuer}, "a", kept) == whole);
  CHECK(key({leaf, issuer}, "b", none) != whole);
  CHECK(key({issuer, leaf}, "a", none) != whole);
  CHECK(key({leaf}, "a", none) != whole);
  CHECK(key({leaf, issuer, issuer}, "a", none) != whole);
}
