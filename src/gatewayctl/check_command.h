#pragma once

#include <string>

#include "gatewayctl/output.h"

namespace gateway::ctl {

// Loads `file` as gatewayd would, by the same loader, and says what it found. Done if gatewayd would take it.
ExitCode check(const std::string& file, const Output& output);

}  // namespace gateway::ctl
