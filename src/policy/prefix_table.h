#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/pattern_id.h"

namespace gateway::policy {

// Which of many strings a value begins with. One pass over the value and one look-up for each length that prefixes
// have: the number of prefixes doesn't count. Immutable after the last add() and then safe from any thread.
class PrefixTable {
 public:
  // The id of `prefix`: `fresh` unless it is there already.
  PatternId add(std::string_view prefix, PatternId fresh);

  // Calls found(prefix_bytes, id) for each prefix of `value`, the shortest first.
  template <typename Found>
  void find(std::string_view value, Found found) const {
    std::uint64_t hash = kBasis;
    std::size_t hashed = 0;
    for (const std::size_t length : lengths_) {
      if (length > value.size()) return;
      hash = extend(hash, value.substr(hashed, length - hashed));
      hashed = length;
      const auto [begin, end] = by_hash_.equal_range(hash);
      for (auto entry = begin; entry != end; ++entry) {
        if (entry->second.prefix == value.substr(0, length)) found(length, entry->second.id);
      }
    }
  }

 private:
  struct Entry {
    std::string prefix;
    PatternId id;
  };

  // FNV-1a, because it goes on where it stopped. Clients can't choose what is in the table, so they can't fill a
  // bucket.
  static constexpr std::uint64_t kBasis = 0xcbf29ce484222325;
  static constexpr std::uint64_t kPrime = 0x100000001b3;
  static std::uint64_t extend(std::uint64_t hash, std::string_view bytes) {
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    return hash;
  }

  std::unordered_multimap<std::uint64_t, Entry> by_hash_;
  std::vector<std::size_t> lengths_;  // ascending, each once
};

}  // namespace gateway::policy
