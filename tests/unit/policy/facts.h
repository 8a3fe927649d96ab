#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/peer_identity.h"
#include "policy/rule_set.h"

namespace gateway::policy::testing {

inline core::IpAddress address(const std::string& text) {
  return core::IpAddress::parse(text).value();
}

inline RequestFacts get(std::string_view path = "/") {
  return {.method = "GET", .path = path, .host = "api.example", .source_ip = address("192.0.2.1")};
}

// A policy of one allow rule with one condition.
inline PolicySpec allow_if(Matcher matcher, std::vector<std::string> patterns) {
  RuleSpec rule{.name = "rule", .effect = Effect::allow, .when = {{matcher, std::move(patterns)}}};
  return {.name = "policy", .default_effect = Effect::deny, .rules = {std::move(rule)}};
}

inline std::shared_ptr<const RuleSet> compiled(const PolicySpec& spec) {
  auto rules = RuleSet::compile(spec);
  if (!rules) throw std::runtime_error(rules.error().front().message);
  return *rules;
}

// Whether one pattern matches.
inline bool matches(Matcher matcher, std::string pattern, const core::PeerIdentity* identity,
                    const RequestFacts& request = get()) {
  return compiled(allow_if(matcher, {std::move(pattern)}))->judge(identity, request).allow;
}

inline bool matches(Matcher matcher, std::string pattern, const core::PeerIdentity& identity) {
  return matches(matcher, std::move(pattern), &identity);
}

}  // namespace gateway::policy::testing
