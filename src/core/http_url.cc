#include "core/http_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/host_name.h"

namespace gateway::core {
namespace {

constexpr std::string_view kScheme = "http://";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower, [](char c) { return c; });
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
}

// pchar, "/" and "?" of RFC 3986.
bool is_target_byte(char c) {
  return is_alphanumeric(c) || std::string_view("-._~!$&'()*+,;=:@/?%").find(c) != std::string_view::npos;
}

// What is wrong with a path and query; "" if nothing is.
std::string_view fault_of_target(std::string_view target) {
  if (target.find('#') != std::string_view::npos) return "a fragment has no place here";
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (!is_target_byte(target[i])) return "the path or query has a byte that must be percent-encoded";
    if (target[i] != '%') continue;
    if (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2])) return "bad percent-encoding";
  }
  return "";
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  return port;
}

// "foo:" at the start of a reference: some scheme (RFC 3986 section 3.1).
bool has_scheme(std::string_view reference) {
  const auto colon = reference.find_first_of(":/?#");
  return colon != std::string_view::npos && colon > 0 && reference[colon] == ':';
}

}  // namespace

bool HttpUrl::is_meant(std::string_view text) {
  return starts_with_ignoring_case(text, kScheme);
}

std::expected<HttpUrl, std::string> HttpUrl::parse(std::string_view text) {
  if (text.size() > kMaxBytes) return std::unexpected("longer than " + std::to_string(kMaxBytes) + " bytes");
  if (!is_meant(text)) return std::unexpected("not an http:// URL");
  text.remove_prefix(kScheme.size());
  const auto path_start = std::min(text.find_first_of("/?#"), text.size());
  const std::string_view authority = text.substr(0, path_start);
  const std::string_view target = text.substr(path_start);
  if (authority.find('@') != std::string_view::npos) {
    return std::unexpected("a user name or password has no place here");
  }

  HttpUrl url;
  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = canonical_host_name(authority.substr(0, colon));
  if (!host) return std::unexpected("no valid host name or address");
  url.host = *host;
  if (colon != std::string_view::npos && colon + 1 < authority.size()) {
    const auto port = parse_port(authority.substr(colon + 1));
    if (!port) return std::unexpected("no valid port");
    url.port = *port;
  }
  if (const auto fault = fault_of_target(target); !fault.empty()) return std::unexpected(std::string(fault));
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

std::expected<HttpUrl, std::string> HttpUrl::resolve(std::string_view reference) const {
  // A fragment is for the reader of the document, not for who fetches it.
  reference = reference.substr(0, reference.find('#'));
  if (has_scheme(reference)) return parse(reference);
  if (reference.starts_with("//")) return parse("http:" + std::string(reference));
  const std::string_view path = std::string_view(target).substr(0, target.find('?'));
  std::string resolved = "http://" + authority();
  if (reference.empty()) {
    resolved += target;
  } else if (reference.starts_with('/')) {
    resolved += reference;
  } else if (reference.starts_with('?')) {
    resolved.append(path).append(reference);
  } else {
    resolved.append(path.substr(0, path.rfind('/') + 1)).append(reference);
  }
  return parse(resolved);
}

std::string HttpUrl::authority() const {
  return port == 80 ? host : host + ":" + std::to_string(port);
}

}  // namespace gateway::core
