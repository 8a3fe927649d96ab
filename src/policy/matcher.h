#pragma once

#include <cstddef>
#include <string_view>

#include "policy/policy_spec.h"

namespace gateway::policy {

inline constexpr std::size_t kMatcherCount = static_cast<std::size_t>(Matcher::source_ip) + 1;

constexpr std::size_t index_of(Matcher matcher) {
  return static_cast<std::size_t>(matcher);
}

// The key of the config, e.g. "uri_san". The view is to static storage.
std::string_view to_string(Matcher matcher);

// Looks at the verified certificate, so that it never matches an anonymous client. `authenticated` is none of these.
bool needs_certificate(Matcher matcher);

}  // namespace gateway::policy
