#pragma once

#include <cstdint>

namespace gateway::policy {

// Stands for a pattern of one policy, of whatever matcher: equal patterns of different rules have the same.
using PatternId = std::uint32_t;

}  // namespace gateway::policy
