#include "policy/rule_compiler.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "policy/matcher.h"
#include "policy/pattern.h"

namespace gateway::policy {
namespace {

constexpr std::string_view kDefaultName = "default";

std::string in_quotes(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}
std::string_view word(Effect effect) {
  return effect == Effect::allow ? "allow" : "deny";
}

class RuleCompiler {
 public:
  RuleCompiler() {
    for (std::size_t i = 0; i < kMatcherCount; ++i) result_.tables.emplace_back(static_cast<Matcher>(i));
  }

  std::expected<CompiledRules, std::vector<SpecError>> run(const PolicySpec& spec) {
    if (spec.rules.size() > kMaxRules) {
      error({.message = "a policy has at most " + std::to_string(kMaxRules) + " rules"});
      return std::unexpected(std::move(errors_));
    }
    for (std::size_t i = 0; i < spec.rules.size(); ++i) {
      const std::size_t errors_before = errors_.size();
      check_name(i, spec.rules[i].name);
      result_.rules.push_back({.name = spec.rules[i].name, .effect = spec.rules[i].effect, .conditions = {}});
      add_conditions(i, spec.rules[i]);
      readable_.push_back(errors_.size() == errors_before);
      if (readable_.back()) check_contradiction(i, spec.rules[i]);
    }
    check_reachable();
    compile_tables();
    result_.pattern_count = next_id_;
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    return std::move(result_);
  }

 private:
  void error(SpecError error) { errors_.push_back(std::move(error)); }

  void check_name(std::size_t rule, const std::string& name) {
    if (name.empty()) {
      error({.rule = rule, .message = "a rule needs a name: logs and metrics show it"});
    } else if (name == kDefaultName) {
      error({.rule = rule, .message = "no rule can be called \"default\": logs and metrics show the policy's own so"});
    } else if (const auto [known, added] = names_.emplace(name, rule); !added) {
      error({.rule = rule, .message = "there are two rules " + in_quotes(name)});
    }
  }

  void add_conditions(std::size_t rule, const RuleSpec& spec) {
    auto& conditions = result_.rules[rule].conditions;
    for (std::size_t c = 0; c < spec.when.size(); ++c) {
      const Condition& condition = spec.when[c];
      const std::string name(to_string(condition.matcher));
      if (std::ranges::find(conditions, condition.matcher, &CompiledCondition::matcher) != conditions.end()) {
        error({.rule = rule, .condition = c, .message = name + " is there twice: a list means any of its patterns"});
      }
      if (condition.patterns.empty()) {
        error({.rule = rule, .condition = c, .message = name + " has an empty list, which nothing matches"});
      }
      conditions.push_back(compiled_condition(rule, c, condition));
    }
    std::ranges::sort(conditions, {}, &CompiledCondition::matcher);
  }

  CompiledCondition compiled_condition(std::size_t rule, std::size_t index, const Condition& condition) {
    CompiledCondition compiled{.matcher = condition.matcher, .plain = {}, .regexes = {}};
    for (std::size_t p = 0; p < condition.patterns.size(); ++p) {
      auto pattern = parse_pattern(condition.matcher, condition.patterns[p]);
      if (!pattern) {
        error({.rule = rule, .condition = index, .pattern = p, .message = std::move(pattern.error())});
        continue;
      }
      const PatternId id = result_.tables[index_of(condition.matcher)].add(*pattern, next_id_);
      if (id == next_id_) ++next_id_;
      (pattern->form == Form::regex ? compiled.regexes : compiled.plain).push_back(id);
    }
    for (auto* ids : {&compiled.plain, &compiled.regexes}) {
      std::ranges::sort(*ids);
      ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
    }
    return compiled;
  }

  void check_contradiction(std::size_t rule, const RuleSpec& spec) {
    const auto anonymous = [](const Condition& condition) {
      return condition.matcher == Matcher::authenticated &&
             std::ranges::find(condition.patterns, "true") == condition.patterns.end();
    };
    const auto certificate = std::ranges::find_if(spec.when, needs_certificate, &Condition::matcher);
    if (certificate == spec.when.end() || std::ranges::none_of(spec.when, anonymous)) return;
    error({.rule = rule,
           .condition = static_cast<std::size_t>(certificate - spec.when.begin()),
           .message = "this rule can never match: authenticated is false, and " +
                      std::string(to_string(certificate->matcher)) + " needs a certificate"});
  }

  // Only what is certain and cheap to see: equal conditions, and rules behind one that matches everything.
  void check_reachable() {
    std::map<std::vector<CompiledCondition>, std::size_t> denies;
    std::map<std::vector<CompiledCondition>, std::size_t> allows;
    const std::vector<CompiledCondition> everything;
    for (const Effect effect : {Effect::deny, Effect::allow}) {
      auto& seen = effect == Effect::deny ? denies : allows;
      for (std::size_t i = 0; i < result_.rules.size(); ++i) {
        const CompiledRule& rule = result_.rules[i];
        if (rule.effect != effect || !readable_[i]) continue;
        if (const auto same = seen.find(rule.conditions); same != seen.end()) {
          error({.rule = i, .message = "has the conditions and the effect of rule " + name_of(same->second)});
        } else if (const auto all = seen.find(everything); all != seen.end()) {
          error(
              {.rule = i, .message = unreachable_message(all->second, "which matches every request and comes first")});
        } else if (effect == Effect::allow && denies.contains(everything)) {
          error({.rule = i,
                 .message = unreachable_message(denies[everything], "which matches every request, and deny wins")});
        } else if (const auto denied = denies.find(rule.conditions);
                   effect == Effect::allow && denied != denies.end()) {
          error({.rule = i,
                 .message = unreachable_message(denied->second, "which has the same conditions, and deny wins")});
        }
        seen.emplace(rule.conditions, i);
      }
    }
  }

  std::string name_of(std::size_t rule) const { return in_quotes(result_.rules[rule].name); }

  std::string unreachable_message(std::size_t by, std::string_view why) const {
    return "this rule can never decide: " + std::string(word(result_.rules[by].effect)) + " rule " + name_of(by) +
           ", " + std::string(why);
  }

  void compile_tables() {
    for (std::size_t i = 0; i < kMatcherCount; ++i) {
      if (result_.tables[i].compile()) continue;
      error({.message = "the regular expressions of " + std::string(to_string(static_cast<Matcher>(i))) +
                        " together need more memory than a policy may have for them"});
    }
  }

  CompiledRules result_;
  PatternId next_id_ = 0;
  std::vector<SpecError> errors_;
  std::unordered_map<std::string, std::size_t> names_;
  std::vector<bool> readable_;  // rules without an error: only those are compared with others
};

}  // namespace

std::expected<CompiledRules, std::vector<SpecError>> compile_rules(const PolicySpec& spec) {
  return RuleCompiler().run(spec);
}

}  // namespace gateway::policy
