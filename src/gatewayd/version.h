#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gateway::gatewayd {

// What this program is made of: name and version, our own first. OpenSSL's is that of the library that runs.
std::vector<std::pair<std::string, std::string>> component_versions();
std::string own_version();
std::string openssl_version();

}  // namespace gateway::gatewayd
