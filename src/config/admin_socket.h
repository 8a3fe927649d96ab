#pragma once

namespace gateway::config {

// Where gatewayd listens for gatewayctl, and gatewayctl looks for gatewayd, unless the config, an option or
// $GATEWAY_SOCKET says otherwise.
inline constexpr const char* kDefaultAdminSocket = "/run/gatewayd/gatewayd.sock";
inline constexpr const char* kAdminSocketVariable = "GATEWAY_SOCKET";

}  // namespace gateway::config
