#include "policy/network_table.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace gateway::policy {

std::size_t NetworkTable::Hash::operator()(const core::IpAddress& address) const {
  const auto& bytes = address.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

PatternId NetworkTable::add(const core::Cidr& network, PatternId fresh) {
  const bool v6 = network.network.is_v6();
  auto level = std::ranges::find_if(levels_, [&](const Level& candidate) {
    return candidate.v6 == v6 && candidate.prefix_length == network.prefix_length;
  });
  if (level == levels_.end()) {
    levels_.push_back({.v6 = v6, .prefix_length = network.prefix_length, .networks = {}});
    level = levels_.end() - 1;
  }
  return level->networks.emplace(network.network, fresh).first->second;
}

void NetworkTable::find(const core::IpAddress& address, std::pmr::vector<PatternId>& found) const {
  for (const Level& level : levels_) {
    if (level.v6 != address.is_v6()) continue;
    const auto match = level.networks.find(address.masked(level.prefix_length));
    if (match != level.networks.end()) found.push_back(match->second);
  }
}

}  // namespace gateway::policy
