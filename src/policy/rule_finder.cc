#include "policy/rule_finder.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>

namespace gateway::policy {
namespace {

// Matchers that rules are found by. Of conditions that are shared equally the first in this order wins: what tells
// clients apart best. The last two have too few values to find anything by, but they tell apart what shares the rest.
constexpr std::array kKeyOrder = {
    Matcher::fingerprint, Matcher::serial,    Matcher::uri_san, Matcher::dns_san,   Matcher::email_san,
    Matcher::ip_san,      Matcher::cn,        Matcher::path,    Matcher::source_ip, Matcher::ou,
    Matcher::o,           Matcher::issuer_cn, Matcher::host,    Matcher::method,    Matcher::authenticated,
};
constexpr std::size_t kTooFewValues = 2;

// So few are looked at faster than told apart.
constexpr std::size_t kFew = 8;
// A rule with lists in several conditions stands under each pair of their patterns: all rules together in at most so
// many places for each place in the first level.
constexpr std::size_t kMostCopies = 8;

std::size_t place_of(Matcher matcher) {
  return static_cast<std::size_t>(std::ranges::find(kKeyOrder, matcher) - kKeyOrder.begin());
}

}  // namespace

class RuleFinder::Builder {
 public:
  Builder(const CompiledRules& compiled, RuleFinder& finder) : compiled_(compiled), finder_(finder) {}

  void run() {
    Rules all(compiled_.rules.size());
    for (RuleIndex rule = 0; rule < all.size(); ++rule) all[rule] = rule;
    finder_.root_ = add(std::move(all), {});
  }

 private:
  // Matchers on the way from the root.
  using Used = std::vector<Matcher>;
  using Uses = std::unordered_map<PatternId, std::size_t>;

  NodeIndex add(Rules rules, const Used& used) {
    const auto index = static_cast<NodeIndex>(finder_.nodes_.size());
    finder_.nodes_.emplace_back();
    const bool is_root = used.empty();
    if (is_root || (rules.size() > kFew && places_ < most_places_)) {
      Node node = divided(rules, used);
      finder_.nodes_[index] = std::move(node);
    } else {
      finder_.nodes_[index].rules = std::move(rules);
    }
    if (!is_root) finder_.most_alike_ = std::max(finder_.most_alike_, finder_.nodes_[index].rules.size());
    return index;
  }

  Node divided(const Rules& rules, const Used& used) {
    const Uses uses = uses_in(rules, used);
    Node node;
    std::map<Matcher, std::map<PatternId, Rules>> groups;
    for (const RuleIndex rule : rules) {
      const CompiledCondition* key = key_of(rule, rules.size(), used, uses);
      if (key == nullptr) {
        node.rules.push_back(rule);
        continue;
      }
      for (const PatternId id : key->plain) groups[key->matcher][id].push_back(rule);
      places_ += key->plain.size();
    }
    if (used.empty()) most_places_ = (kMostCopies + 1) * places_;
    for (auto& [matcher, by_pattern] : groups) {
      Used path = used;
      path.push_back(matcher);
      Branch branch{.matcher = matcher, .by_pattern = {}};
      for (auto& [id, group] : by_pattern) branch.by_pattern.emplace(id, add(std::move(group), path));
      node.branches.push_back(std::move(branch));
    }
    return node;
  }

  static bool can_be_key(const CompiledCondition& condition, const Used& used) {
    if (!condition.regexes.empty() || std::ranges::find(used, condition.matcher) != used.end()) return false;
    return !used.empty() || place_of(condition.matcher) < kKeyOrder.size() - kTooFewValues;
  }

  Uses uses_in(const Rules& rules, const Used& used) const {
    Uses uses;
    for (const RuleIndex rule : rules) {
      for (const CompiledCondition& condition : compiled_.rules[rule].conditions) {
        if (!can_be_key(condition, used)) continue;
        for (const PatternId id : condition.plain) ++uses[id];
      }
    }
    return uses;
  }

  // Null if none tells the rule from any other of these.
  const CompiledCondition* key_of(RuleIndex rule, std::size_t rules, const Used& used, const Uses& uses) const {
    const CompiledCondition* best = nullptr;
    std::pair<std::size_t, std::size_t> least;
    for (const CompiledCondition& condition : compiled_.rules[rule].conditions) {
      if (!can_be_key(condition, used)) continue;
      std::size_t shared = 0;
      for (const PatternId id : condition.plain) shared = std::max(shared, uses.at(id));
      const std::pair cost{shared, place_of(condition.matcher)};
      if (!used.empty() && shared == rules) continue;
      if (best == nullptr || cost < least) {
        best = &condition;
        least = cost;
      }
    }
    return best;
  }

  const CompiledRules& compiled_;
  RuleFinder& finder_;
  std::size_t places_ = 0;
  std::size_t most_places_ = 0;
};

RuleFinder::RuleFinder(const CompiledRules& compiled) {
  Builder(compiled, *this).run();
}

}  // namespace gateway::policy
