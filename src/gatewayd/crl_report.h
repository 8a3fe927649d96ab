#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gateway::gatewayd {

// What became of the attempts to fetch the CRL of one URL.
struct CrlSourceState {
  std::string url;
  std::uint64_t replaced = 0;   // a new one came, and took the place of the one before
  std::uint64_t unchanged = 0;  // the same as before
  std::uint64_t failed = 0;     // no answer, or not the one that was asked for
  std::uint64_t refused = 0;    // what came may not replace the last good one
  std::string fault;            // of the last attempt; "" if it went well or there was none
  std::optional<std::chrono::system_clock::time_point> last_success;
};
// In the order of URLs. Immutable.
using CrlSourceStates = std::vector<CrlSourceState>;

// From the status thread to the control thread, after every attempt.
struct CrlReport {
  std::shared_ptr<const CrlSourceStates> states;
  bool has_new = false;  // a file in the state directory was replaced
};

}  // namespace gateway::gatewayd
