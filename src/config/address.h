#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/config.h"
#include "proxy/snapshot.h"

namespace gateway::config {

// "0.0.0.0:8443", "[::]:8443": a literal IP and a port from 1 to 65535. Error: what was expected.
std::expected<SocketAddress, std::string> parse_socket_address(std::string_view text);

// "127.0.0.1:9000", "[::1]:80", "api.internal:8080" or "unix:/run/api.sock"; unix_path is left as written.
std::expected<proxy::Endpoint, std::string> parse_endpoint(std::string_view text);

}  // namespace gateway::config
