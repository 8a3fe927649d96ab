#include "policy/rule_set.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "facts.h"

namespace gateway::policy::testing {
namespace {

RuleSpec rule(std::string name, Effect effect, std::vector<Condition> when) {
  return {.name = std::move(name), .effect = effect, .when = std::move(when)};
}

PolicySpec policy(Effect default_effect, std::vector<RuleSpec> rules) {
  return {.name = "payments", .default_effect = default_effect, .rules = std::move(rules)};
}

std::vector<SpecError> errors_of(const PolicySpec& spec) {
  const auto rules = RuleSet::compile(spec);
  return rules ? std::vector<SpecError>{} : rules.error();
}

core::PeerIdentity named(const std::string& cn) {
  core::PeerIdentity identity;
  identity.common_names = {cn};
  return identity;
}

TEST_CASE("a matching deny wins over every allow, wherever it stands") {
  const Condition a{Matcher::cn, {"a"}};
  const Condition all{Matcher::path, {"/*"}};
  for (const bool deny_first : {true, false}) {
    std::vector<RuleSpec> rules = {rule("yes", Effect::allow, {all}), rule("no", Effect::deny, {a})};
    if (deny_first) std::swap(rules[0], rules[1]);
    const auto compiled_rules = compiled(policy(Effect::allow, rules));
    const auto client = named("a");
    const Decision denied = compiled_rules->judge(&client, get());
    CHECK_FALSE(denied.allow);
    CHECK(denied.reason == core::Reason::policy_denied);
    CHECK(compiled_rules->rule_name(denied.rule) == "no");
    const auto other = named("b");
    const Decision allowed = compiled_rules->judge(&other, get());
    CHECK(allowed.allow);
    CHECK(allowed.reason == core::Reason::none);
    CHECK(compiled_rules->rule_name(allowed.rule) == "yes");
  }
}

TEST_CASE("of several matching rules of the winning effect the first is reported, however it is found") {
  const Condition cn{Matcher::cn, {"a"}};
  const Condition regex{Matcher::cn, {"~a+"}};
  const Condition path{Matcher::path, {"/*"}};
  const auto client = named("a");
  std::vector<Condition> order = {cn, regex, path};
  for (int rotation = 0; rotation < 3; ++rotation) {
    std::rotate(order.begin(), order.begin() + 1, order.end());
    for (const Effect effect : {Effect::allow, Effect::deny}) {
      const auto rules = compiled(policy(
          Effect::deny, {rule("1", effect, {order[0]}), rule("2", effect, {order[1]}), rule("3", effect, {order[2]})}));
      const Decision decision = rules->judge(&client, get());
      CHECK(decision.allow == (effect == Effect::allow));
      CHECK(decision.rule == 0);
    }
  }
}

TEST_CASE("all conditions of a rule must match") {
  const auto rules = compiled(policy(Effect::deny, {rule("batch-read-only", Effect::allow,
                                                         {{Matcher::uri_san, {"spiffe://corp.example/batch/*"}},
                                                          {Matcher::method, {"GET", "HEAD"}},
                                                          {Matcher::path, {"/v1/reports/*"}}})}));
  core::PeerIdentity batch;
  batch.uri_sans = {"spiffe://corp.example/batch/1"};
  CHECK(rules->judge(&batch, get("/v1/reports/7")).allow);
  CHECK_FALSE(rules->judge(&batch, get("/v1/other")).allow);
  auto post = get("/v1/reports/7");
  post.method = "POST";
  CHECK_FALSE(rules->judge(&batch, post).allow);
  post.method = "HEAD";
  CHECK(rules->judge(&batch, post).allow);
  CHECK_FALSE(rules->judge(nullptr, get("/v1/reports/7")).allow);
}

TEST_CASE("where no rule matches the default decides, and says whether a certificate was missing") {
  const core::PeerIdentity client;
  const auto deny = compiled(policy(Effect::deny, {}));
  CHECK(deny->rule_count() == 0);
  CHECK(deny->rule_name(0) == "default");
  CHECK(deny->judge(&client, get()).reason == core::Reason::policy_denied);
  CHECK(deny->judge(nullptr, get()).reason == core::Reason::not_authenticated);
  CHECK_FALSE(deny->judge(nullptr, get()).allow);
  const auto allow = compiled(policy(Effect::allow, {rule("no", Effect::deny, {{Matcher::cn, {"x"}}})}));
  const Decision allowed = allow->judge(nullptr, get());
  CHECK(allowed.allow);
  CHECK(allowed.reason == core::Reason::none);
  CHECK(allowed.rule == allow->rule_count());
  CHECK(allow->rule_name(allowed.rule) == "default");
}

TEST_CASE("a rule that denies an anonymous client is the reason, not the missing certificate") {
  const auto rules =
      compiled(policy(Effect::allow, {rule("members-only", Effect::deny, {{Matcher::authenticated, {"false"}}})}));
  CHECK(rules->judge(nullptr, get()).reason == core::Reason::policy_denied);
}

TEST_CASE("a rule without conditions matches every request") {
  const auto rules = compiled(policy(Effect::deny, {rule("all", Effect::allow, {})}));
  CHECK(rules->judge(nullptr, get()).allow);
  CHECK(rules->name() == "payments");
}

TEST_CASE("a list may mix exact patterns, wildcards and expressions") {
  const auto rules = compiled(allow_if(Matcher::dns_san, {"a.example", "*.b.example", "~c[0-9]\\.example"}));
  for (const auto* value : {"a.example", "x.b.example", "c7.example"}) {
    core::PeerIdentity client;
    client.dns_sans = {value};
    CHECK(rules->judge(&client, get()).allow);
  }
  core::PeerIdentity client;
  client.dns_sans = {"d.example"};
  CHECK_FALSE(rules->judge(&client, get()).allow);
}

TEST_CASE("all errors are reported at once, each with its place") {
  const auto errors = errors_of(
      policy(Effect::deny, {rule("a", Effect::allow, {{Matcher::cn, {"fine", "*", "~("}}, {Matcher::path, {}}}),
                            rule("a", Effect::allow, {{Matcher::serial, {"zz"}}}), rule("", Effect::deny, {}),
                            rule("default", Effect::allow, {{Matcher::cn, {"x"}}, {Matcher::cn, {"y"}}})}));
  REQUIRE(errors.size() >= 7);
  const auto has = [&](std::size_t r, std::size_t c, std::size_t p, std::string_view message) {
    for (const SpecError& error : errors) {
      if (error.rule == r && error.condition == c && error.pattern == p &&
          error.message.find(message) != std::string::npos) {
        return true;
      }
    }
    return false;
  };
  constexpr auto kNone = SpecError::kNone;
  CHECK(has(0, 0, 1, "no wildcard"));
  CHECK(has(0, 0, 2, "missing )"));
  CHECK(has(0, 1, kNone, "empty list"));
  CHECK(has(1, kNone, kNone, "two rules \"a\""));
  CHECK(has(1, 0, 0, "hex"));
  CHECK(has(2, kNone, kNone, "needs a name"));
  CHECK(has(3, kNone, kNone, "called \"default\""));
  CHECK(has(3, 1, kNone, "cn is there twice"));
}

TEST_CASE("a rule that is there twice is an error, however it is written") {
  const auto errors = errors_of(
      policy(Effect::deny,
             {rule("a", Effect::allow, {{Matcher::dns_san, {"A.example", "b.example"}}, {Matcher::method, {"GET"}}}),
              rule("b", Effect::allow,
                   {{Matcher::method, {"GET", "GET"}}, {Matcher::dns_san, {"B.example.", "a.example"}}})}));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].rule == 1);
  CHECK(errors[0].message.find("rule \"a\"") != std::string::npos);
}

TEST_CASE("a rule that can never decide is an error") {
  const Condition x{Matcher::cn, {"x"}};
  const Condition y{Matcher::cn, {"y"}};
  const auto unreachable = [](std::vector<RuleSpec> rules) {
    std::vector<std::size_t> found;
    for (const SpecError& error : errors_of(policy(Effect::deny, std::move(rules)))) {
      CHECK(error.message.find("never") != std::string::npos);
      found.push_back(error.rule);
    }
    return found;
  };
  using Rules = std::vector<std::size_t>;
  CHECK(unreachable({rule("a", Effect::allow, {x}), rule("b", Effect::deny, {})}) == Rules{0});
  CHECK(unreachable({rule("a", Effect::deny, {}), rule("b", Effect::deny, {x})}) == Rules{1});
  CHECK(unreachable({rule("a", Effect::deny, {x}), rule("b", Effect::deny, {})}).empty());
  CHECK(unreachable({rule("a", Effect::allow, {}), rule("b", Effect::allow, {x}), rule("c", Effect::deny, {y})}) ==
        Rules{1});
  CHECK(unreachable({rule("a", Effect::allow, {x}), rule("b", Effect::allow, {})}).empty());
  CHECK(unreachable({rule("a", Effect::allow, {x}), rule("b", Effect::deny, {x})}) == Rules{0});
  CHECK(unreachable({rule("a", Effect::allow, {x, {Matcher::authenticated, {"false"}}})}) == Rules{0});
  CHECK(unreachable({rule("a", Effect::allow, {x, {Matcher::authenticated, {"true", "false"}}})}).empty());
  CHECK(unreachable({rule("a", Effect::allow, {x}), rule("b", Effect::deny, {y})}).empty());
}

TEST_CASE("expressions that together need too much memory are refused when the policy is compiled") {
  std::vector<std::string> patterns;
  for (int i = 0; i < 400; ++i) patterns.push_back("~" + std::to_string(i) + "\\pL{20}");
  const auto errors = errors_of(allow_if(Matcher::cn, patterns));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("regular expressions of cn") != std::string::npos);
}

TEST_CASE("statistics tell how rules are found") {
  const auto rules =
      compiled(policy(Effect::deny, {rule("a", Effect::allow, {{Matcher::cn, {"x"}}, {Matcher::path, {"~/a.*"}}}),
                                     rule("b", Effect::allow, {{Matcher::cn, {"x", "~y.*"}}}),
                                     rule("c", Effect::deny, {{Matcher::path, {"~/a.*"}}}),
                                     rule("d", Effect::allow, {{Matcher::method, {"GET"}}}),
                                     rule("e", Effect::allow, {{Matcher::source_ip, {"10.0.0.0/8"}}})}));
  const RuleSetStats stats = rules->stats();
  CHECK(stats.rules == 5);
  CHECK(stats.indexed == 2);
  CHECK(stats.scanned == 3);
  CHECK(stats.regexes == 2);
}

TEST_CASE("several threads may ask at once") {
  const auto rules = compiled(allow_if(Matcher::cn, {"a", "~b[0-9]*"}));
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (int& count : wrong) {
    threads.emplace_back([&rules, &count] {
      for (int i = 0; i < 500; ++i) {
        const auto yes = named("b" + std::to_string(i));
        const auto no = named("c" + std::to_string(i));
        if (!rules->judge(&yes, get()).allow || rules->judge(&no, get()).allow) ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

}  // namespace
}  // namespace gateway::policy::testing
