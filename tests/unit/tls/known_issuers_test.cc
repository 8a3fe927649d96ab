#include "tls/known_issuers.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "tls/shared_certificates.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

VerificationCounts counts(const Gateway& gateway) {
  return gateway.contexts()->verification_counts();
}

}  // namespace

TEST_CASE("a new client under known issuers costs one signature check of its chain") {
  const Issued intermediate = make_intermediate("Clients", client_root());
  const Gateway gateway({HostSpec{}});
  for (const char* name : {"a", "b", "c"}) {
    const Issued client = make_client(name, intermediate);
    const Connection made = connect(gateway, {.certificate = &client, .chain = {&intermediate}});
    REQUIRE(made.established());
    CHECK(made.common_name() == name);
    CHECK(made.server->peer()->chain.elements.size() == 3);
  }
  CHECK(counts(gateway).paths_verified == 1);
  CHECK(counts(gateway).leaves_verified == 2);
}

TEST_CASE("a forged leaf under known issuers is refused as under unknown ones") {
  const Issued intermediate = make_intermediate("Clients", client_root());
  const Issued alice = make_client("alice", intermediate);
  const Issued forged = with_broken_signature(make_client("mallory", intermediate));
  for (const bool known : {false, true}) {
    CAPTURE(known);
    const Gateway gateway({HostSpec{}});
    if (known) REQUIRE(connect(gateway, {.certificate = &alice, .chain = {&intermediate}}).established());
    const Connection made = connect(gateway, {.certificate = &forged, .chain = {&intermediate}});
    CHECK(made.reason() == Reason::bad_signature);
    CHECK(counts(gateway).leaves_verified == 0);
  }
}

TEST_CASE("an issuer of a known one's name and another key is not known") {
  const Issued intermediate = make_intermediate("Clients", client_root());
  const Issued alice = make_client("alice", intermediate);
  const Gateway gateway({HostSpec{}});
  REQUIRE(connect(gateway, {.certificate = &alice, .chain = {&intermediate}}).established());
  const Issued rogue_root = make_root("Client Root");
  const Issued rogue = make_intermediate("Clients", rogue_root);
  const Issued mallory = make_client("mallory", rogue);
  CHECK_FALSE(connect(gateway, {.certificate = &mallory, .chain = {&rogue}}).established());
  CHECK_FALSE(connect(gateway, {.certificate = &mallory, .chain = {&intermediate}}).established());
  CHECK_FALSE(connect(gateway, {.certificate = &mallory, .chain = {&rogue, &intermediate}}).established());
  const Issued forged = with_broken_signature(intermediate);
  CHECK_FALSE(connect(gateway, {.certificate = &alice, .chain = {&forged}}).established());
  CHECK(counts(gateway).leaves_verified == 0);
}

TEST_CASE("known issuers are nothing to a trust set without their root, nor beyond its depth, nor once expired") {
  const auto soon = real_now() + std::chrono::hours(2);
  const Issued intermediate =
      issue({.common_name = "Clients", .is_ca = true, .extended_key_usage = "", .not_after = soon}, &client_root());
  const Issued alice = make_client("alice", intermediate);
  const Issued bob = make_client("bob", intermediate);
  auto shallow = std::make_shared<TrustSet>(*make_trust({client_root()}));
  shallow->depth = 0;
  Gateway gateway({{.name = "a.example"},
                   {.name = "b.example", .trust = make_trust({make_root("Other")})},
                   {.name = "c.example", .trust = shallow}});
  const auto reason = [&](const Issued& client, const std::string& host) {
    return connect(gateway, {.server_name = host, .certificate = &client, .chain = {&intermediate}}).reason();
  };
  REQUIRE(reason(alice, "a.example") == Reason::none);
  CHECK(reason(bob, "b.example") == Reason::unknown_ca);
  CHECK(reason(bob, "c.example") == Reason::chain_too_deep);
  gateway.advance(std::chrono::hours(3));
  CHECK(reason(bob, "a.example") == Reason::expired);
}

TEST_CASE("an issuer that may not sign is refused however often its own signature was good") {
  const Issued no_sign = issue(
      {.common_name = "no sign", .is_ca = true, .key_usage = "critical,digitalSignature", .extended_key_usage = ""},
      &client_root());
  const Gateway gateway({HostSpec{}});
  for (const char* name : {"a", "b"}) {
    const Issued client = make_client(name, no_sign);
    CHECK_FALSE(connect(gateway, {.certificate = &client, .chain = {&no_sign}}).established());
  }
  CHECK(counts(gateway).leaves_verified == 0);
}
