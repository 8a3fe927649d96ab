#include <doctest/doctest.h>

#include <functional>

#include "facts.h"
#include "policy/compiled_rule_set.h"

namespace gateway::policy::testing {
namespace {

using MakeRule = std::function<std::vector<Condition>(std::size_t)>;

// Rules that a decision looks at with `count` rules, and whether it found the one it should.
std::size_t looked_at(std::size_t count, const MakeRule& make, const core::PeerIdentity& client,
                      const RequestFacts& request, std::size_t expected_rule) {
  PolicySpec spec{.name = "p", .default_effect = Effect::deny, .rules = {}};
  for (std::size_t i = 0; i < count; ++i) {
    spec.rules.push_back({.name = "r" + std::to_string(i), .effect = Effect::allow, .when = make(i)});
  }
  const auto rules = compiled(spec);
  CHECK(rules->stats().indexed == count);
  std::size_t result = 0;
  const auto& engine = dynamic_cast<const CompiledRuleSet&>(*rules);
  const Decision decision = engine.judge_counting(&client, request, result);
  CHECK(decision.allow);
  CHECK(decision.rule == expected_rule);
  return result;
}

void check_flat(const MakeRule& make, const core::PeerIdentity& client, const RequestFacts& request = get()) {
  const std::size_t few = looked_at(10, make, client, request, 7);
  const std::size_t many = looked_at(10'000, make, client, request, 7);
  CHECK(few == many);
  CHECK(many == 1);
}

std::string nth(std::size_t i) {
  return "n" + std::to_string(i);
}

TEST_CASE("ten thousand rules cost a decision what ten cost: exact names, wildcards, prefixes, networks, digests") {
  core::PeerIdentity client;
  client.common_names = {"n7"};
  client.dns_sans = {"a.n7.example"};
  client.uri_sans = {"spiffe://corp/n7/x"};
  client.email_sans = {"a@n7.example"};
  client.ip_sans = {address("10.0.7.1")};
  client.serial = "0107";
  client.fingerprint.fill(0);
  client.fingerprint[31] = 7;
  const auto hex = [](std::size_t i) {
    std::string digits(64, '0');
    for (std::size_t d = 63; i > 0; --d, i /= 16) digits[d] = "0123456789abcdef"[i % 16];
    return digits;
  };
  const auto one = [](Matcher matcher, std::string pattern) {
    return std::vector<Condition>{{matcher, {std::move(pattern)}}};
  };
  check_flat([&](std::size_t i) { return one(Matcher::cn, nth(i)); }, client);
  check_flat([&](std::size_t i) { return one(Matcher::dns_san, "a." + nth(i) + ".example"); }, client);
  check_flat([&](std::size_t i) { return one(Matcher::dns_san, "*." + nth(i) + ".example"); }, client);
  check_flat([&](std::size_t i) { return one(Matcher::uri_san, "spiffe://corp/" + nth(i) + "/*"); }, client);
  check_flat([&](std::size_t i) { return one(Matcher::email_san, "*@" + nth(i) + ".example"); }, client);
  check_flat(
      [&](std::size_t i) {
        return one(Matcher::ip_san, "10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24");
      },
      client);
  check_flat([&](std::size_t i) { return one(Matcher::serial, hex(0x100 + i)); }, client);
  check_flat([&](std::size_t i) { return one(Matcher::fingerprint, "sha256:" + hex(i)); }, client);
  check_flat([&](std::size_t i) { return one(Matcher::path, "/api/" + nth(i) + "/*"); }, client, get("/api/n7/x"));
}

TEST_CASE("rules that share one condition are found by another") {
  core::PeerIdentity client;
  client.dns_sans = {"shared.example"};
  check_flat(
      [](std::size_t i) {
        return std::vector<Condition>{
            {Matcher::dns_san, {"shared.example"}}, {Matcher::method, {"GET"}}, {Matcher::path, {"/" + nth(i)}}};
      },
      client, get("/n7"));
}

TEST_CASE("rules that share each pattern with a hundred others are found by all of their conditions together") {
  core::PeerIdentity client;
  client.dns_sans = {"n0.example"};
  check_flat(
      [](std::size_t i) {
        return std::vector<Condition>{{Matcher::dns_san, {nth(i / 100) + ".example"}},
                                      {Matcher::path, {"/" + nth(i % 100) + "/*"}}};
      },
      client, get("/n7/x"));
}

TEST_CASE("a method tells rules apart that have all else in common") {
  core::PeerIdentity client;
  client.common_names = {"n0"};
  check_flat(
      [](std::size_t i) {
        return std::vector<Condition>{{Matcher::cn, {nth(i / 100)}},
                                      {Matcher::path, {"/" + nth(i % 100 / 10)}},
                                      {Matcher::method, {i % 10 == 7 ? "GET" : "M" + std::to_string(i % 10)}}};
      },
      client, get("/n0"));
}

TEST_CASE("lists in several conditions of many rules don't multiply what a policy takes") {
  const auto many = [](std::string_view before, std::size_t first) {
    std::vector<std::string> patterns;
    for (std::size_t i = 0; i < 100; ++i) patterns.push_back(std::string(before) + nth((first + i) % 150));
    return patterns;
  };
  PolicySpec spec{.name = "p", .default_effect = Effect::deny, .rules = {}};
  for (std::size_t i = 0; i < 100; ++i) {
    spec.rules.push_back({.name = nth(i),
                          .effect = Effect::allow,
                          .when = {{Matcher::cn, many("", i)},
                                   {Matcher::ou, many("", 2 * i)},
                                   {Matcher::o, many("", 3 * i)},
                                   {Matcher::path, many("/", 4 * i)}}});
  }
  const auto rules = compiled(spec);
  CHECK(rules->stats().indexed == 100);
  core::PeerIdentity client;
  client.common_names = client.organizational_units = client.organizations = {"n99"};
  CHECK(rules->judge(&client, get("/n99")).rule == 0);
}

TEST_CASE("rules that only expressions tell apart are counted, since each of them is looked at") {
  PolicySpec spec{.name = "p", .default_effect = Effect::deny, .rules = {}};
  for (std::size_t i = 0; i < 300; ++i) {
    spec.rules.push_back(
        {.name = nth(i),
         .effect = Effect::allow,
         .when = {{Matcher::cn, {i < 100 ? "shared" : nth(i)}}, {Matcher::path, {"~/" + nth(i) + "/.*"}}}});
  }
  spec.rules.push_back({.name = "all", .effect = Effect::allow, .when = {{Matcher::method, {"GET"}}}});
  const auto stats = compiled(spec)->stats();
  CHECK(stats.most_alike == 100);
  CHECK(stats.scanned == 1);
}

TEST_CASE("an expression beside an exact key is looked at for the rules with that key only") {
  core::PeerIdentity client;
  client.common_names = {"n7"};
  check_flat(
      [](std::size_t i) { return std::vector<Condition>{{Matcher::cn, {nth(i)}}, {Matcher::path, {"~/v[0-9]/.*"}}}; },
      client, get("/v1/x"));
}

}  // namespace
}  // namespace gateway::policy::testing
