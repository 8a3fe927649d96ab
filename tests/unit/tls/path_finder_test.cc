#include "tls/path_finder.h"

#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

// Another certificate of the same CA: its name and its key.
Issued cross_signed(const Issued& ca, const std::string& name, const Issued& issuer) {
  return issue({.common_name = name, .is_ca = true, .extended_key_usage = "", .old_key = ca.key}, &issuer);
}

Reason outcome(const Issued& leaf, const std::vector<const Issued*>& chain) {
  static const Gateway gateway({HostSpec{}});
  return connect(gateway, {.certificate = &leaf, .chain = chain}).reason();
}

Issued excluding(const std::string& name) {
  return issue({.common_name = "excluding " + name,
                .is_ca = true,
                .extended_key_usage = "",
                .extensions = {{"nameConstraints", "critical,excluded;DNS:" + name}}},
               &client_root());
}

}  // namespace

TEST_CASE("of two certificates of a CA that the client sends either may lead to the anchor, in any order") {
  const Issued stranger = make_root("Stranger");
  const Issued good = make_intermediate("Crossed", client_root());
  const Issued dead_end = cross_signed(good, "Crossed", stranger);
  const Issued leaf = make_client("x", good);
  CHECK(outcome(leaf, {&good, &dead_end}) == Reason::none);
  CHECK(outcome(leaf, {&dead_end, &good}) == Reason::none);
  CHECK(outcome(leaf, {&dead_end}) == Reason::unknown_ca);
}

TEST_CASE("a path that constraints forbid is no obstacle to one that is good, and does not become one") {
  const Issued forbidding = excluding("corp.example");
  const Issued good = make_intermediate("Crossed", client_root());
  const Issued bad = cross_signed(good, "Crossed", forbidding);
  const Issued leaf = issue({.common_name = "x", .extensions = {{"subjectAltName", "DNS:a.corp.example"}}}, &good);
  CHECK(outcome(leaf, {&bad, &forbidding, &good}) == Reason::none);
  CHECK(outcome(leaf, {&good, &bad, &forbidding}) == Reason::none);
  CHECK(outcome(leaf, {&bad, &forbidding}) == Reason::name_constraint);
  // Two forbidden paths don't make a good one.
  const Issued worse = cross_signed(good, "Crossed", excluding("example"));
  CHECK(outcome(leaf, {&bad, &forbidding, &worse}) != Reason::none);
}

TEST_CASE("however many twins a client sends, a chain to nowhere stays one") {
  const Issued stranger = make_root("Stranger");
  const Issued first = make_intermediate("Crossed", stranger);
  std::vector<Issued> twins{first};
  for (int i = 0; i < 20; ++i) twins.push_back(cross_signed(first, "Crossed", stranger));
  std::vector<const Issued*> chain;
  for (const Issued& twin : twins) chain.push_back(&twin);
  CHECK(outcome(make_client("x", first), chain) == Reason::unknown_ca);
}

TEST_CASE("a detour keeps every rule of the verification: purpose, depth, time and signatures") {
  const Issued stranger = make_root("Stranger");
  const auto detour = [&](const CertificateSpec& spec, const Issued& from) {
    CertificateSpec with_key = spec;
    with_key.old_key = from.key;
    return issue(with_key, &client_root());
  };
  const Issued dead_end = make_intermediate("Crossed", stranger);
  const Issued leaf = make_client("x", dead_end);
  const Issued servers =
      detour({.common_name = "Crossed", .is_ca = true, .extended_key_usage = "serverAuth"}, dead_end);
  CHECK(outcome(leaf, {&dead_end, &servers}) != Reason::none);
  const Issued no_ca = detour({.common_name = "Crossed", .extended_key_usage = ""}, dead_end);
  CHECK(outcome(leaf, {&dead_end, &no_ca}) != Reason::none);
  const Issued old = detour({.common_name = "Crossed",
                             .is_ca = true,
                             .extended_key_usage = "",
                             .not_after = real_now() - std::chrono::hours(1)},
                            dead_end);
  CHECK(outcome(leaf, {&dead_end, &old}) != Reason::none);
  const Issued forged = with_broken_signature(cross_signed(dead_end, "Crossed", client_root()));
  CHECK(outcome(leaf, {&dead_end, &forged}) != Reason::none);
  const Issued good = cross_signed(dead_end, "Crossed", client_root());
  CHECK(outcome(leaf, {&dead_end, &good}) == Reason::none);
  auto shallow = std::make_shared<TrustSet>(*make_trust({client_root()}));
  shallow->depth = 0;
  const Gateway gateway({{.trust = shallow}});
  CHECK(connect(gateway, {.certificate = &leaf, .chain = {&dead_end, &good}}).reason() != Reason::none);
}
