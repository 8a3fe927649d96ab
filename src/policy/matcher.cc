#include "policy/matcher.h"

#include <array>

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

bool needs_certificate(Matcher matcher) {
  return matcher < Matcher::authenticated;
}

}  // namespace gateway::policy
