#include "policy/matcher.h"

#include <algorithm>

namespace gateway::policy {
namespace {

constexpr std::array<std::string_view, kMatcherCount> kNames = {
    "cn",     "ou",        "o",         "dns_san",     "uri_san",       "email_san",
    "ip_san", "issuer_cn", "serial",    "fingerprint", "authenticated", "method",
    "path",   "host",      "source_ip",
};

}  // namespace

std::string_view to_string(Matcher matcher) {
  return kNames[index_of(matcher)];
}

std::optional<Matcher> matcher_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Matcher>(found - kNames.begin());
}

const std::array<std::string_view, kMatcherCount>& matcher_names() {
  return kNames;
}

bool needs_certificate(Matcher matcher) {
  return matcher < Matcher::authenticated;
}

}  // namespace gateway::policy
