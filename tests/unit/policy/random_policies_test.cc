#include <doctest/doctest.h>

#include <random>
#include <set>

#include "facts.h"
#include "naive_evaluation.h"
#include "policy/matcher.h"

namespace gateway::policy::testing {
namespace {

using Texts = std::vector<std::string>;

std::string digest(char digit) {
  return std::string(64, digit);
}

// Few letters, so that rules and requests meet often; each list has near misses.
const std::vector<Texts> kPatterns = {
    {"a", "b", "A", "ab", "~a+", "~a|b.*", "~.*"},                                                    // cn
    {"a", "b", "~[ab]"},                                                                              // ou
    {"a", "b", "B", "~b.*"},                                                                          // o
    {"a.x", "A.X.", "b.x", "*.x", "*.a.x", "x", "~[ab]\\.x", "~.*\\.x", "~A\\.X"},                    // dns_san
    {"s://a", "s://a/", "s://a/*", "s://a/b", "s://a/b*", "s://*", "s://a/b/*", "~s://a.*", "~.*b"},  // uri_san
    {"a@x", "A@x", "a@X", "*@x", "*@a.x", "b@a.x", "~a@.*", "~[ab]@x"},                               // email_san
    {"10.0.0.0/8", "10.0.0.1", "10.0.0.0/31", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1"},   // ip_san
    {"a", "b", "~a|b"},                                                                               // issuer_cn
    {"1", "01", "10", "00:10", "1a", "1A", "0"},                                                      // serial
    {"sha256:" + digest('a'), "sha256:" + digest('b'), "spki-sha256:" + digest('A'), "spki-sha256:" + digest('c')},
    {"true", "false"},                                                                                 // authenticated
    {"GET", "PUT", "POST", "~P.*", "~GET|PUT"},                                                        // method
    {"/", "/*", "/a", "/a/*", "/a/b", "/a/b/*", "/ab/*", "/a/", "/b", "~/a.*", "~/[ab]", "~.*/b/.*"},  // path
    {"x", "a.x", "*.x", "A.x", "*.a.x", "~.*\\.x"},                                                    // host
    {"10.0.0.0/8", "10.0.0.1", "192.0.2.0/24", "0.0.0.0/0", "::/0", "2001:db8::/64"},                  // source_ip
};
const Texts kNames = {"a", "b", "A", "ab", "aa", "c", ""};
const Texts kDns = {"a.x", "A.X", "b.x.", "x", "a.a.x", ".x", "aa.x", "c", "*.x"};
const Texts kUris = {"s://a", "s://a/", "s://a/b", "s://a/b/", "s://a/b/c", "s://b", "s://", "S://a/b", "b"};
const Texts kEmails = {"a@x", "A@x", "a@X", "b@A.x", "@x", "a@b@x", "x", "ab@x"};
const Texts kAddresses = {"10.0.0.1",    "10.0.0.2",      "10.255.0.1", "192.0.2.1",      "11.0.0.0",
                          "2001:db8::1", "2001:db8:1::1", "::1",        "::ffff:10.0.0.1"};
const Texts kSerials = {"1", "01", "10", "1A", "0", "00", "A1", ""};
const Texts kMethods = {"GET", "PUT", "POST", "get", "DELETE"};
const Texts kPaths = {"/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/ab/c", "/b", "/b/", "*", "/a/bc", "/c/b/d"};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  const std::string& of(const Texts& texts) { return texts[below(texts.size())]; }
  Texts some(const Texts& texts, std::size_t most) {
    Texts picked(below(most + 1));
    for (auto& text : picked) text = of(texts);
    return picked;
  }

 private:
  std::mt19937 engine_;
};

std::vector<Condition> random_conditions(Dice& dice) {
  std::vector<Condition> when;
  std::set<Matcher> used;
  for (std::size_t n = 1 + dice.below(3); n > 0; --n) {
    const auto matcher = static_cast<Matcher>(dice.below(kMatcherCount));
    if (!used.insert(matcher).second) continue;
    Condition condition{matcher, {}};
    for (std::size_t p = 1 + dice.below(2); p > 0; --p)
      condition.patterns.push_back(dice.of(kPatterns[index_of(matcher)]));
    when.push_back(std::move(condition));
  }
  if (dice.one_in(60)) when.clear();
  return when;
}

// A valid spec: rules that the compiler refuses (twice there, unreachable) are taken out until it is content.
std::pair<PolicySpec, std::shared_ptr<const RuleSet>> random_policy(Dice& dice) {
  PolicySpec spec{.name = "random", .default_effect = dice.one_in(2) ? Effect::allow : Effect::deny, .rules = {}};
  const std::size_t count = dice.below(dice.one_in(4) ? 120 : 12);
  for (std::size_t i = 0; i < count; ++i) {
    spec.rules.push_back({.name = "r" + std::to_string(i),
                          .effect = dice.one_in(3) ? Effect::deny : Effect::allow,
                          .when = random_conditions(dice)});
  }
  for (;;) {
    auto rules = RuleSet::compile(spec);
    if (rules) return {std::move(spec), *rules};
    std::set<std::size_t, std::greater<>> bad;
    for (const SpecError& error : rules.error()) {
      REQUIRE(error.pattern == SpecError::kNone);
      REQUIRE(error.rule < spec.rules.size());
      bad.insert(error.rule);
    }
    for (const std::size_t rule : bad) spec.rules.erase(spec.rules.begin() + static_cast<std::ptrdiff_t>(rule));
  }
}

core::Sha256 random_digest(Dice& dice) {
  core::Sha256 result{};
  result.fill(static_cast<std::uint8_t>(0x11 * (0xA + dice.below(4))));
  return result;
}

core::PeerIdentity random_identity(Dice& dice) {
  core::PeerIdentity identity;
  identity.common_names = dice.some(kNames, 2);
  identity.organizations = dice.some(kNames, 2);
  identity.organizational_units = dice.some(kNames, 2);
  identity.issuer_common_names = dice.some(kNames, 1);
  identity.dns_sans = dice.some(kDns, 3);
  identity.uri_sans = dice.some(kUris, 3);
  identity.email_sans = dice.some(kEmails, 3);
  for (const auto& text : dice.some(kAddresses, 3)) identity.ip_sans.push_back(address(text));
  identity.serial = dice.of(kSerials);
  identity.fingerprint = random_digest(dice);
  identity.spki_fingerprint = random_digest(dice);
  return identity;
}

TEST_CASE("the compiled engine decides as a plain reading of the policy does") {
  std::size_t by_rule = 0;
  std::size_t decisions = 0;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    Dice dice(seed);
    for (int round = 0; round < 120; ++round) {
      const auto [spec, rules] = random_policy(dice);
      for (int i = 0; i < 50; ++i) {
        const core::PeerIdentity identity = random_identity(dice);
        const core::PeerIdentity* client = dice.one_in(5) ? nullptr : &identity;
        const RequestFacts request{.method = dice.of(kMethods),
                                   .path = dice.of(kPaths),
                                   .host = dice.of(kDns),
                                   .source_ip = address(dice.of(kAddresses))};
        const Decision expected = naive_judge(spec, client, request);
        const Decision decision = rules->judge(client, request);
        const bool same =
            decision.allow == expected.allow && decision.rule == expected.rule && decision.reason == expected.reason;
        if (!same) {
          FAIL("seed " << seed << ", round " << round << ", request " << i << ": the engine says rule " << decision.rule
                       << ", it is rule " << expected.rule);
        }
        ++decisions;
        by_rule += decision.rule < rules->rule_count() ? 1U : 0U;
      }
    }
  }
  MESSAGE("seeds 1 to 8, decisions " << decisions << ", by a rule " << by_rule);
  CHECK(by_rule > decisions / 4);
  CHECK(by_rule < decisions);
}

}  // namespace
}  // namespace gateway::policy::testing
