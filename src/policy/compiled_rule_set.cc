#include "policy/compiled_rule_set.h"

#include <algorithm>
#include <utility>

namespace gateway::policy {
namespace {

bool any_found(const std::vector<PatternId>& wanted, FactMatches::Range range, const FactMatches& matches) {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    if (std::ranges::binary_search(wanted, matches.pattern(i))) return true;
  }
  return false;
}

}  // namespace

CompiledRuleSet::CompiledRuleSet(std::string name, Effect default_effect, CompiledRules compiled)
    : name_(std::move(name)), default_effect_(default_effect), compiled_(std::move(compiled)), finder_(compiled_) {}

Decision CompiledRuleSet::judge(const core::PeerIdentity* identity, const RequestFacts& request) const {
  std::size_t looked_at = 0;
  return judge_counting(identity, request, looked_at);
}

Decision CompiledRuleSet::judge_counting(const core::PeerIdentity* identity, const RequestFacts& request,
                                         std::size_t& looked_at) const {
  const auto none = static_cast<RuleIndex>(rule_count());
  FactMatches matches(compiled_.tables, identity, request);
  Best best{.deny = none, .allow = none};
  finder_.each_candidate(matches, [&](RuleIndex rule) { look_at(rule, matches, best); });
  looked_at = best.looked_at;
  if (matches.failed()) return {.allow = false, .rule = none, .reason = core::Reason::internal};
  return decide(best, identity == nullptr);
}

void CompiledRuleSet::look_at(RuleIndex rule, FactMatches& matches, Best& best) const {
  const bool deny = compiled_.rules[rule].effect == Effect::deny;
  // Could it still change the answer?
  if (rule >= best.deny || (!deny && (best.deny < rule_count() || rule >= best.allow))) return;
  ++best.looked_at;
  if (all_match(rule, matches)) (deny ? best.deny : best.allow) = rule;
}

bool CompiledRuleSet::all_match(RuleIndex rule, FactMatches& matches) const {
  return std::ranges::all_of(compiled_.rules[rule].conditions,
                             [&](const CompiledCondition& condition) { return any_matches(condition, matches); });
}

bool CompiledRuleSet::any_matches(const CompiledCondition& condition, FactMatches& matches) {
  if (!condition.plain.empty() && any_found(condition.plain, matches.plain(condition.matcher), matches)) return true;
  return !condition.regexes.empty() && any_found(condition.regexes, matches.regexes(condition.matcher), matches);
}

Decision CompiledRuleSet::decide(const Best& best, bool anonymous) const {
  const auto none = static_cast<RuleIndex>(rule_count());
  if (best.deny != none) return {.allow = false, .rule = best.deny, .reason = core::Reason::policy_denied};
  if (best.allow != none) return {.allow = true, .rule = best.allow, .reason = core::Reason::none};
  if (default_effect_ == Effect::allow) return {.allow = true, .rule = none, .reason = core::Reason::none};
  return {.allow = false,
          .rule = none,
          .reason = anonymous ? core::Reason::not_authenticated : core::Reason::policy_denied};
}

std::string_view CompiledRuleSet::rule_name(std::uint32_t rule) const {
  return rule < rule_count() ? std::string_view(compiled_.rules[rule].name) : std::string_view("default");
}

RuleSetStats CompiledRuleSet::stats() const {
  RuleSetStats stats{.rules = rule_count(),
                     .indexed = rule_count() - finder_.scanned(),
                     .scanned = finder_.scanned(),
                     .most_alike = finder_.most_alike()};
  for (const PatternTable& table : compiled_.tables) stats.regexes += table.regex_count();
  return stats;
}

std::expected<std::shared_ptr<const RuleSet>, std::vector<SpecError>> RuleSet::compile(const PolicySpec& spec) {
  auto compiled = compile_rules(spec);
  if (!compiled) return std::unexpected(std::move(compiled.error()));
  return std::make_shared<CompiledRuleSet>(spec.name, spec.default_effect, std::move(*compiled));
}

}  // namespace gateway::policy
