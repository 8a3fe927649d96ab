#include "tls/name_syntax.h"

#include <algorithm>

#include "core/ip_address.h"

namespace gateway::tls {
namespace {

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabelBytes || label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

}  // namespace

bool is_dns_name(std::string_view name) noexcept {
  // An IPv4 address has the form of a name, and readers that compare texts would take it for that address.
  if (name.empty() || name.size() > kMaxNameBytes || core::IpAddress::parse(name)) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  while (true) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_mailbox(std::string_view address) noexcept {
  const auto at = address.find('@');
  if (at == 0 || at == std::string_view::npos || !std::ranges::all_of(address, is_visible)) return false;
  const std::string_view domain = address.substr(at + 1);
  return !domain.starts_with('*') && is_dns_name(domain);
}

bool is_absolute_uri(std::string_view uri) noexcept {
  const auto colon = uri.find(':');
  if (colon == std::string_view::npos || colon + 1 == uri.size() || !is_letter(uri.front())) return false;
  const auto in_scheme = [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; };
  return std::ranges::all_of(uri.substr(0, colon), in_scheme) && std::ranges::all_of(uri, is_visible);
}

}  // namespace gateway::tls
