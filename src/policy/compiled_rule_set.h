#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rule_compiler.h"
#include "policy/rule_set.h"

namespace gateway::policy {

// The rules, each under the patterns of one of its conditions: only those whose pattern the request matches are looked
// at. Of a rule's conditions the one is taken whose patterns the fewest rules have, so that ten thousand rules for one
// host and as many paths are found by their paths. Rules without such a condition are looked at on every request.
class CompiledRuleSet final : public RuleSet {
 public:
  CompiledRuleSet(std::string name, Effect default_effect, CompiledRules compiled);

  [[nodiscard]] Decision judge(const core::PeerIdentity* identity, const RequestFacts& request) const override;
  // The same, and how many rules were looked at for it: what a decision costs, free of a clock.
  [[nodiscard]] Decision judge_counting(const core::PeerIdentity* identity, const RequestFacts& request,
                                        std::size_t& looked_at) const;

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::size_t rule_count() const override { return compiled_.rules.size(); }
  [[nodiscard]] std::string_view rule_name(std::uint32_t rule) const override;
  [[nodiscard]] RuleSetStats stats() const override;

 private:
  using RuleIndex = std::uint32_t;
  static constexpr std::size_t kNoKey = static_cast<std::size_t>(-1);

  // The first matching rule of each effect so far.
  struct Best {
    RuleIndex deny;
    RuleIndex allow;
    std::size_t looked_at = 0;
  };
  void look_at(RuleIndex rule, FactMatches& matches, Best& best) const;
  [[nodiscard]] bool all_match(RuleIndex rule, FactMatches& matches) const;
  static bool any_matches(const CompiledCondition& condition, FactMatches& matches);
  [[nodiscard]] Decision decide(const Best& best, bool anonymous) const;

  std::string name_;
  Effect default_effect_;
  CompiledRules compiled_;
  std::vector<std::size_t> key_;                // by rule: the condition that it is found by
  std::vector<std::vector<RuleIndex>> by_key_;  // by pattern id, ascending
  std::vector<Matcher> key_matchers_;
  std::vector<RuleIndex> scanned_;  // ascending
};

}  // namespace gateway::policy
