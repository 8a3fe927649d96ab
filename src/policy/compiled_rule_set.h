#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "policy/rule_compiler.h"
#include "policy/rule_finder.h"
#include "policy/rule_set.h"

namespace gateway::policy {

// The rules: only those that a RuleFinder says may match are looked at.
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
  RuleFinder finder_;
};

}  // namespace gateway::policy
