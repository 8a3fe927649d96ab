#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/peer_identity.h"
#include "policy/matcher.h"
#include "policy/pattern_table.h"
#include "policy/rule_set.h"

namespace gateway::policy {

using PatternTables = std::vector<PatternTable>;  // by index_of(matcher)

// Which patterns of a policy one request matches. Each matcher is looked up when somebody first asks for it, once per
// value, and the expressions of a matcher likewise. Lives on the stack of one decision.
class FactMatches {
 public:
  // All references must outlive this object. `identity` is null for an anonymous client.
  FactMatches(const PatternTables& tables, const core::PeerIdentity* identity, const RequestFacts& request);
  FactMatches(const FactMatches&) = delete;
  FactMatches& operator=(const FactMatches&) = delete;

  // Positions for pattern(); they stay valid, unlike references, while other matchers are looked up.
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  Range plain(Matcher matcher);
  Range regexes(Matcher matcher);
  [[nodiscard]] PatternId pattern(std::size_t position) const { return found_[position]; }

  // An expression could not be decided: what was found is incomplete, and the request must be refused.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  struct Slot {
    bool known = false;
    Range range;
  };
  using Slots = std::array<Slot, kMatcherCount>;

  template <typename Look>
  Range look_up(Slots& slots, Matcher matcher, Look look);
  // Calls see(value) with the canonical form of each value of a matcher on text.
  template <typename See>
  void each_text(Matcher matcher, See see) const;
  [[nodiscard]] std::span<const core::IpAddress> addresses(Matcher matcher) const;

  const PatternTables& tables_;
  const core::PeerIdentity* identity_;
  const RequestFacts& request_;
  // Room for what an ordinary request matches, so that a decision takes nothing from the heap.
  std::array<std::byte, 1024> room_;
  std::pmr::monotonic_buffer_resource memory_{room_.data(), room_.size()};
  std::pmr::vector<PatternId> found_{&memory_};
  Slots plain_{};
  Slots regexes_{};
  bool failed_ = false;
};

}  // namespace gateway::policy
