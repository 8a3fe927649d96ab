#include "policy/compiled_rule_set.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gateway::policy {
namespace {

// Matchers that rules are found by. Of conditions that are shared equally the first in this order wins: what tells
// clients apart best. A method or `authenticated` has too few values to find anything by.
constexpr std::array kKeyOrder = {
    Matcher::fingerprint, Matcher::serial,    Matcher::uri_san, Matcher::dns_san,   Matcher::email_san,
    Matcher::ip_san,      Matcher::cn,        Matcher::path,    Matcher::source_ip, Matcher::ou,
    Matcher::o,           Matcher::issuer_cn, Matcher::host,
};

bool can_be_key(const CompiledCondition& condition) {
  return condition.regexes.empty() && std::ranges::find(kKeyOrder, condition.matcher) != kKeyOrder.end();
}

std::vector<std::size_t> uses_of_patterns(const CompiledRules& compiled) {
  std::vector<std::size_t> uses(compiled.pattern_count);
  for (const CompiledRule& rule : compiled.rules) {
    for (const CompiledCondition& condition : rule.conditions) {
      for (const PatternId id : condition.plain) ++uses[id];
    }
  }
  return uses;
}

// How bad a key the condition is: the rules that its most shared pattern stands in, then the place in kKeyOrder.
std::pair<std::size_t, std::size_t> key_cost(const CompiledCondition& condition, const std::vector<std::size_t>& uses) {
  std::size_t shared = 0;
  for (const PatternId id : condition.plain) shared = std::max(shared, uses[id]);
  const auto place = std::ranges::find(kKeyOrder, condition.matcher) - kKeyOrder.begin();
  return {shared, static_cast<std::size_t>(place)};
}

bool any_found(const std::vector<PatternId>& wanted, FactMatches::Range range, const FactMatches& matches) {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    if (std::ranges::binary_search(wanted, matches.pattern(i))) return true;
  }
  return false;
}

}  // namespace

CompiledRuleSet::CompiledRuleSet(std::string name, Effect default_effect, CompiledRules compiled)
    : name_(std::move(name)),
      default_effect_(default_effect),
      compiled_(std::move(compiled)),
      key_(compiled_.rules.size(), kNoKey),
      by_key_(compiled_.pattern_count) {
  const auto uses = uses_of_patterns(compiled_);
  for (RuleIndex rule = 0; rule < compiled_.rules.size(); ++rule) {
    const auto& conditions = compiled_.rules[rule].conditions;
    for (std::size_t c = 0; c < conditions.size(); ++c) {
      if (!can_be_key(conditions[c])) continue;
      if (key_[rule] == kNoKey || key_cost(conditions[c], uses) < key_cost(conditions[key_[rule]], uses))
        key_[rule] = c;
    }
    if (key_[rule] == kNoKey) {
      scanned_.push_back(rule);
      continue;
    }
    const CompiledCondition& key = conditions[key_[rule]];
    for (const PatternId id : key.plain) by_key_[id].push_back(rule);
    if (std::ranges::find(key_matchers_, key.matcher) == key_matchers_.end()) key_matchers_.push_back(key.matcher);
  }
}

Decision CompiledRuleSet::judge(const core::PeerIdentity* identity, const RequestFacts& request) const {
  std::size_t looked_at = 0;
  return judge_counting(identity, request, looked_at);
}

Decision CompiledRuleSet::judge_counting(const core::PeerIdentity* identity, const RequestFacts& request,
                                         std::size_t& looked_at) const {
  const auto none = static_cast<RuleIndex>(rule_count());
  FactMatches matches(compiled_.tables, identity, request);
  Best best{.deny = none, .allow = none};
  for (const Matcher matcher : key_matchers_) {
    const auto range = matches.plain(matcher);
    for (std::size_t i = range.begin; i < range.end; ++i) {
      for (const RuleIndex rule : by_key_[matches.pattern(i)]) look_at(rule, matches, best);
    }
  }
  for (const RuleIndex rule : scanned_) look_at(rule, matches, best);
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
  const auto& conditions = compiled_.rules[rule].conditions;
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    if (c != key_[rule] && !any_matches(conditions[c], matches)) return false;
  }
  return true;
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
  RuleSetStats stats{.rules = rule_count(), .indexed = rule_count() - scanned_.size(), .scanned = scanned_.size()};
  for (const PatternTable& table : compiled_.tables) stats.regexes += table.regex_count();
  return stats;
}

std::expected<std::shared_ptr<const RuleSet>, std::vector<SpecError>> RuleSet::compile(const PolicySpec& spec) {
  auto compiled = compile_rules(spec);
  if (!compiled) return std::unexpected(std::move(compiled.error()));
  return std::make_shared<CompiledRuleSet>(spec.name, spec.default_effect, std::move(*compiled));
}

}  // namespace gateway::policy
