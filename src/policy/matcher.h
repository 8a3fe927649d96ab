#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "policy/policy_spec.h"

namespace gateway::policy {

inline constexpr std::size_t kMatcherCount = static_cast<std::size_t>(Matcher::source_ip) + 1;

constexpr std::size_t index_of(Matcher matcher) {
  return static_cast<std::size_t>(matcher);
}

// The key of the config, e.g. "uri_san". The view is to static storage.
std::string_view to_string(Matcher matcher);

// The matcher of a key of the config; nullopt if there is none.
std::optional<Matcher> matcher_named(std::string_view name);

// In the order of the enumeration, e.g. to suggest the nearest one.
const std::array<std::string_view, kMatcherCount>& matcher_names();

// Looks at the verified certificate, so that it never matches an anonymous client. `authenticated` is none of these.
bool needs_certificate(Matcher matcher);

}  // namespace gateway::policy
