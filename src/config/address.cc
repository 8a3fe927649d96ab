#include "config/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/quote.h"
#include "config/scalar.h"
#include "core/host_name.h"
#include "core/ip_address.h"

namespace gateway::config {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_whole_number(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

struct HostAndPort {
  std::string_view host;  // without brackets
  bool bracketed = false;
  std::uint16_t port = 0;
};

// `example` is for the message.
std::expected<HostAndPort, std::string> split(std::string_view text, std::string_view example) {
  const std::size_t colon = text.rfind(':');
  const auto is_hex_or_colon = [](char c) {
    return std::string_view("0123456789abcdefABCDEF:").find(c) != std::string_view::npos;
  };
  if (std::ranges::count(text, ':') > 1 && std::ranges::all_of(text, is_hex_or_colon)) {
    return std::unexpected("an IPv6 address in brackets and a port, such as \"[::1]:8443\"");
  }
  if (colon == std::string_view::npos || text.ends_with(']')) {
    return std::unexpected(fmt::format("an address with its port, such as {}", example));
  }
  HostAndPort result{.host = text.substr(0, colon)};
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::unexpected("a port from 1 to 65535 behind the last ':'");
  result.port = *port;
  if (result.host.starts_with('[') && result.host.ends_with(']')) {
    result.bracketed = true;
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  return result;
}

std::optional<core::IpAddress> literal(const HostAndPort& parts) {
  const auto address = core::IpAddress::parse(parts.host);
  // An IPv4-mapped IPv6 address is taken for IPv4, so only the written form tells.
  const bool written_as_v6 = parts.host.find(':') != std::string_view::npos;
  if (!address || written_as_v6 != parts.bracketed) return std::nullopt;
  return address;
}

}  // namespace

std::expected<SocketAddress, std::string> parse_socket_address(std::string_view text) {
  constexpr std::string_view kExpected = "a literal IP address and a port, such as 0.0.0.0:8443 or \"[::]:8443\"";
  if (text.starts_with("*:") || (text.starts_with(":") && !text.starts_with("::"))) {
    return std::unexpected("0.0.0.0:PORT for all IPv4 addresses or \"[::]:PORT\" for all IPv6 addresses");
  }
  const auto parts = split(text, "0.0.0.0:8443");
  if (!parts) return std::unexpected(parts.error());
  if (!literal(*parts)) return std::unexpected(std::string(kExpected));
  return SocketAddress{.host = std::string(parts->host), .port = parts->port};
}

std::expected<proxy::Endpoint, std::string> parse_endpoint(std::string_view text) {
  proxy::Endpoint endpoint;
  endpoint.address = text;
  if (text.starts_with("unix:")) {
    endpoint.unix_path = text.substr(5);
    if (endpoint.unix_path.empty()) return std::unexpected("a path behind 'unix:'");
    return endpoint;
  }
  if (text.find("://") != std::string_view::npos || text.find('/') != std::string_view::npos) {
    return std::unexpected(
        "host:port without a scheme or path, or unix:/path; TLS towards upstreams is not in this version");
  }
  const auto parts = split(text, "127.0.0.1:9000");
  if (!parts) return std::unexpected(parts.error());
  endpoint.port = parts->port;
  if (literal(*parts)) {
    endpoint.host = parts->host;
    return endpoint;
  }
  const auto name = parts->bracketed ? std::nullopt : core::canonical_host_name(parts->host);
  const bool only_digits_and_dots =
      std::ranges::all_of(parts->host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  if (!name || only_digits_and_dots) return std::unexpected("an IP address or a host name before the port");
  endpoint.host = *name;
  endpoint.needs_resolving = true;
  return endpoint;
}

}  // namespace gateway::config
