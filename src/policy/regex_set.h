#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/pattern_id.h"
#include "policy/policy_spec.h"

namespace gateway::policy {

// Matchers whose patterns may be "~" and an expression.
bool takes_regex(Matcher matcher);
// Names of the subject and issuer are UTF-8; all else is matched byte by byte, so that no byte escapes a ".".
bool is_utf8_kind(Matcher matcher);
// RE2's message if it can't compile `expression` within its bounds.
std::optional<std::string> regex_error(Matcher matcher, std::string_view expression);

// The regular expressions of one matcher, matched together in one pass over a value and anchored at both its ends.
// Time is linear in the value, memory bounded (RE2). Immutable after compile() and then safe from any thread.
class RegexSet {
 public:
  explicit RegexSet(Matcher matcher);
  ~RegexSet();
  RegexSet(RegexSet&&) noexcept;
  RegexSet& operator=(RegexSet&&) noexcept;

  // The id of `expression`, which has no regex_error: `fresh` unless it is there already.
  PatternId add(std::string_view expression, PatternId fresh);
  // False if the expressions together need more memory than there is for them. Once, after the last add().
  [[nodiscard]] bool compile();
  // Appends the ids of those that match. False if RE2 gave up: nothing is known then, and the caller has to refuse.
  [[nodiscard]] bool find(std::string_view value, std::pmr::vector<PatternId>& found) const;
  [[nodiscard]] std::size_t size() const { return ids_.size(); }

 private:
  struct Compiled;  // keeps RE2 out of the headers

  Matcher matcher_;
  std::unordered_map<std::string, PatternId> known_;
  std::vector<PatternId> ids_;  // by the set's own index
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace gateway::policy
