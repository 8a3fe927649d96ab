#pragma once

#include <optional>
#include <string_view>

#include "config/config.h"
#include "config/environment.h"

namespace gateway::config {

// Text to typed values, without touching a file. nullopt only if there is no YAML mapping at all; otherwise what could
// be decoded, even if `sink` holds errors, so that the later checks can find theirs as well.
std::optional<Config> decode(std::string_view text, DiagnosticSink& sink, const Environment& environment);

}  // namespace gateway::config
