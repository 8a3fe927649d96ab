// A decision must cost the same whatever the number of rules.
#include <benchmark/benchmark.h>

#include <string>

#include "policy/rule_set.h"

namespace gateway::policy {
namespace {

PolicySpec policy_of(std::int64_t rules) {
  PolicySpec spec{.name = "bench", .default_effect = Effect::deny, .rules = {}};
  for (std::int64_t number = 0; number < rules; ++number) {
    const auto text = std::to_string(number);
    spec.rules.push_back({.name = "rule-" + text,
                          .effect = Effect::allow,
                          .when = {{Matcher::dns_san, {"client-" + text + ".bench.test"}},
                                   {Matcher::path, {"/orders/" + text + "/*"}}}});
  }
  return spec;
}

core::PeerIdentity client(std::int64_t number) {
  core::PeerIdentity identity;
  identity.common_names = {"client"};
  identity.dns_sans = {"client-" + std::to_string(number) + ".bench.test"};
  return identity;
}

void allowed(benchmark::State& state) {
  const auto rules = RuleSet::compile(policy_of(state.range(0)));
  const auto identity = client(state.range(0) - 1);
  const std::string path = "/orders/" + std::to_string(state.range(0) - 1) + "/7";
  const RequestFacts facts{
      .method = "GET", .path = path, .host = "bench.test", .source_ip = *core::IpAddress::parse("192.0.2.1")};
  if (!rules || !(*rules)->judge(&identity, facts).allow) {
    state.SkipWithError("the rule does not allow its client");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize((*rules)->judge(&identity, facts));
  }
}
BENCHMARK(allowed)->Name("policy/allowed")->Arg(10)->Arg(1000)->Arg(10000);

void denied_by_default(benchmark::State& state) {
  const auto rules = RuleSet::compile(policy_of(state.range(0)));
  const auto identity = client(-1);
  const RequestFacts facts{
      .method = "GET", .path = "/orders/1/7", .host = "bench.test", .source_ip = *core::IpAddress::parse("192.0.2.1")};
  if (!rules || (*rules)->judge(&identity, facts).allow) {
    state.SkipWithError("a stranger is allowed");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize((*rules)->judge(&identity, facts));
  }
}
BENCHMARK(denied_by_default)->Name("policy/denied by default")->Arg(10)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace gateway::policy
