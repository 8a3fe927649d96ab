#pragma once

#include <string>

namespace gateway::tls {

// "3.0.22": of the headers that this program was built with, and of the library that runs.
std::string built_openssl_version();
std::string running_openssl_version();

}  // namespace gateway::tls
