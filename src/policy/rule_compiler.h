#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "policy/fact_matches.h"
#include "policy/rule_set.h"

namespace gateway::policy {

inline constexpr std::size_t kMaxRules = 100'000;

// A condition with its patterns as ids, each list ascending.
struct CompiledCondition {
  Matcher matcher{};
  std::vector<PatternId> plain;
  std::vector<PatternId> regexes;

  friend bool operator==(const CompiledCondition&, const CompiledCondition&) = default;
  friend auto operator<=>(const CompiledCondition&, const CompiledCondition&) = default;
};

struct CompiledRule {
  std::string name;
  Effect effect{};
  std::vector<CompiledCondition> conditions;  // in the order of Matcher
};

struct CompiledRules {
  std::vector<CompiledRule> rules;
  PatternTables tables;
  std::size_t pattern_count = 0;
};

// Checks a spec and turns its patterns into tables, or says everything that is wrong with it: patterns that can't be
// read, names that are missing or taken, rules that are there twice, and rules that can never decide anything.
std::expected<CompiledRules, std::vector<SpecError>> compile_rules(const PolicySpec& spec);

}  // namespace gateway::policy
