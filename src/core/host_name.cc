#include "core/host_name.h"

#include <algorithm>
#include <charconv>

#include "core/ip_address.h"

namespace gateway::core {
namespace {

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;

bool is_label_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_port(std::string_view digits) {
  if (digits.empty() || digits.size() > 5) return false;
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc{} && end == digits.data() + digits.size() && port <= 65535;
}

bool canonical_ipv6(std::string_view bracketed, std::string& out) {
  const auto address = IpAddress::parse(bracketed.substr(1, bracketed.size() - 2));
  if (!address) return false;
  out = address->is_v6() ? "[" + address->to_string() + "]" : address->to_string();
  return true;
}

bool canonical_name(std::string_view host, std::string& out) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') return canonical_ipv6(host, out);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > kMaxNameBytes) return false;
  out = host;
  std::size_t label_bytes = 0;
  for (char& c : out) {
    if (c == '.') {
      if (label_bytes == 0) return false;
      label_bytes = 0;
      continue;
    }
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_label_byte(c) || ++label_bytes > kMaxLabelBytes) return false;
  }
  return label_bytes != 0;
}

}  // namespace

std::optional<std::string> canonical_host_name(std::string_view host) {
  std::string name;
  if (!canonical_name(host, name)) return std::nullopt;
  return name;
}

bool canonical_host(std::string_view host_and_port, std::string& out) {
  if (host_and_port.starts_with('[')) {
    const auto end = host_and_port.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view rest = host_and_port.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return false;
    return canonical_name(host_and_port.substr(0, end + 1), out);
  }
  const auto colon = host_and_port.find(':');
  if (colon == std::string_view::npos) return canonical_name(host_and_port, out);
  if (!is_port(host_and_port.substr(colon + 1))) return false;
  return canonical_name(host_and_port.substr(0, colon), out);
}

std::optional<std::string> canonical_host(std::string_view host_and_port) {
  std::string host;
  if (!canonical_host(host_and_port, host)) return std::nullopt;
  return host;
}

}  // namespace gateway::core
