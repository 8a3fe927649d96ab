#include "policy/prefix_table.h"

#include <algorithm>

namespace gateway::policy {

PatternId PrefixTable::add(std::string_view prefix, PatternId fresh) {
  const std::uint64_t hash = extend(kBasis, prefix);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry) {
    if (entry->second.prefix == prefix) return entry->second.id;
  }
  by_hash_.emplace(hash, Entry{.prefix = std::string(prefix), .id = fresh});
  const auto place = std::ranges::lower_bound(lengths_, prefix.size());
  if (place == lengths_.end() || *place != prefix.size()) lengths_.insert(place, prefix.size());
  return fresh;
}

}  // namespace gateway::policy
