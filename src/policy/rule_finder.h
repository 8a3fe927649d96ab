#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/rule_compiler.h"

namespace gateway::policy {

using RuleIndex = std::uint32_t;

// Finds the rules that a request may match, by the patterns that it matches. Each rule stands under the patterns of one
// of its conditions: the one whose patterns the fewest rules have. Where many still share a pattern they are told apart
// by their other conditions in the same way: a hundred partners and a hundred paths, each pair a rule, are found by
// both. Immutable.
class RuleFinder {
 public:
  explicit RuleFinder(const CompiledRules& compiled);

  // Calls see(rule) for every rule that can match, perhaps more than once, and for some that don't.
  template <typename See>
  void each_candidate(FactMatches& matches, See see) const {
    visit(root_, matches, see);
  }

  // Rules without a condition that they could be found by: candidates for every request.
  [[nodiscard]] std::size_t scanned() const { return nodes_[root_].rules.size(); }
  // The most rules that have the same patterns as far as they could be told apart: candidates together.
  [[nodiscard]] std::size_t most_alike() const { return most_alike_; }

 private:
  using NodeIndex = std::uint32_t;
  using Rules = std::vector<RuleIndex>;
  struct Branch {
    Matcher matcher;
    std::unordered_map<PatternId, NodeIndex> by_pattern;
  };
  struct Node {
    Rules rules;  // ascending
    std::vector<Branch> branches;
  };
  class Builder;

  template <typename See>
  void visit(NodeIndex index, FactMatches& matches, See& see) const {
    const Node& node = nodes_[index];
    for (const Branch& branch : node.branches) {
      const auto range = matches.plain(branch.matcher);
      for (std::size_t i = range.begin; i < range.end; ++i) {
        const auto found = branch.by_pattern.find(matches.pattern(i));
        if (found != branch.by_pattern.end()) visit(found->second, matches, see);
      }
    }
    for (const RuleIndex rule : node.rules) see(rule);
  }

  std::vector<Node> nodes_;
  NodeIndex root_ = 0;
  std::size_t most_alike_ = 0;
};

}  // namespace gateway::policy
