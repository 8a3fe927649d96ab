#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "version/components.h"

// For --version, `gatewayctl version` and the daemon's /version.
namespace gateway::version {

// "gatewayd 0.1.0 (commit ...)", then a line for each component.
std::string to_text(std::string_view program, const std::vector<Component>& components);

// The same as one line of JSON. Fields are only ever added.
std::string to_json(std::string_view program, const std::vector<Component>& components);

}  // namespace gateway::version
