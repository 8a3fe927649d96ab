#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostic.h"

namespace gateway::gatewayd {

enum class ReloadResult : std::uint8_t {
  reloaded,
  refused,  // nothing has changed
  timeout,  // the new generation was handed out, but not every worker has confirmed it in time
};
constexpr std::string_view to_string(ReloadResult result) {
  switch (result) {
    case ReloadResult::reloaded:
      return "reloaded";
    case ReloadResult::refused:
      return "refused";
    case ReloadResult::timeout:
      break;
  }
  return "timeout";
}

// How many loads ended how, by trigger.
using ReloadCounts = std::map<std::pair<std::string, ReloadResult>, std::uint64_t>;

// What became of one load of the config.
struct ReloadOutcome {
  ReloadResult result = ReloadResult::refused;
  std::uint64_t generation = 0;  // that is served afterwards
  std::string trigger;           // "start", "signal", "admin" or "watch"
  std::chrono::system_clock::time_point time;
  std::vector<std::string> changes;             // a line each
  std::vector<config::Diagnostic> diagnostics;  // errors and warnings
};

}  // namespace gateway::gatewayd
