#pragma once

#include <cstddef>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/ip_address.h"
#include "policy/network_table.h"
#include "policy/pattern.h"
#include "policy/pattern_id.h"
#include "policy/prefix_table.h"
#include "policy/regex_set.h"

namespace gateway::policy {

// All patterns of one matcher in a policy, and which of them a value matches. Expressions are kept apart, since they
// cost the most: who needs none of them doesn't ask. Immutable after compile() and then safe from any thread.
class PatternTable {
 public:
  explicit PatternTable(Matcher matcher) : regexes_(matcher) {}

  // The id of `pattern`: `fresh` unless an equal one is there already.
  PatternId add(const Pattern& pattern, PatternId fresh);
  // Once, after the last add(). False if the expressions need too much memory.
  [[nodiscard]] bool compile() { return regexes_.compile(); }

  // Append the ids of all patterns but expressions that match. `value` is canonical (canonical_value.h).
  void find(std::string_view value, std::pmr::vector<PatternId>& found) const;
  void find(const core::IpAddress& address, std::pmr::vector<PatternId>& found) const;
  // As RegexSet::find.
  [[nodiscard]] bool find_regexes(std::string_view value, std::pmr::vector<PatternId>& found) const {
    return regexes_.find(value, found);
  }
  [[nodiscard]] std::size_t regex_count() const { return regexes_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Map = std::unordered_map<std::string, PatternId, Hash, std::equal_to<>>;
  static void find_in(const Map& map, std::string_view key, std::pmr::vector<PatternId>& found);

  Map exact_;
  Map behind_label_;  // key: what follows "*."
  Map behind_at_;     // key: what follows "*@"
  PrefixTable prefixes_;
  PrefixTable segment_prefixes_;
  NetworkTable networks_;
  RegexSet regexes_;
};

}  // namespace gateway::policy
