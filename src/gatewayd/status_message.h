#pragma once

#include <variant>

namespace gateway::gatewayd {

// To the status thread. The closed list.
struct StopStatus {};  // the thread ends after it
using StatusMessage = std::variant<StopStatus>;

}  // namespace gateway::gatewayd
