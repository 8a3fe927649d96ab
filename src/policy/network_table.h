#pragma once

#include <cstddef>
#include <memory_resource>
#include <unordered_map>
#include <vector>

#include "core/ip_address.h"
#include "policy/pattern_id.h"

namespace gateway::policy {

// Which of many networks an address lies in: one look-up for each prefix length in use, however many networks there
// are. Immutable after the last add() and then safe from any thread.
class NetworkTable {
 public:
  // The id of `network`: `fresh` unless it is there already.
  PatternId add(const core::Cidr& network, PatternId fresh);
  void find(const core::IpAddress& address, std::pmr::vector<PatternId>& found) const;

 private:
  struct Hash {
    std::size_t operator()(const core::IpAddress& address) const;
  };
  struct Level {
    bool v6 = false;
    unsigned prefix_length = 0;
    std::unordered_map<core::IpAddress, PatternId, Hash> networks;
  };
  std::vector<Level> levels_;
};

}  // namespace gateway::policy
