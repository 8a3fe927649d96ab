#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/limits.h"

namespace gateway::gatewayd {

// When something that is fetched again and again is next asked for. `dice` in [0, 1] spreads gateways that began
// together.
//
// After a success: `interval`, or half of what is left until `end` if that is less (5 s at least), a minute once it is
// over (an interval that is shorter still counts). Never later for the dice, up to a tenth earlier.
core::Milliseconds after_success(std::chrono::seconds interval, std::optional<std::chrono::sys_seconds> end,
                                 std::chrono::sys_seconds now, double dice);
// After so many failures in a row (1 or more): 5 s, doubled with each, up to `interval` or ten minutes. Down to half of
// it for the dice.
core::Milliseconds after_failure(std::chrono::seconds interval, std::uint64_t failures, double dice);

}  // namespace gateway::gatewayd
