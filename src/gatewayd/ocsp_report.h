#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/histogram.h"

namespace gateway::gatewayd {

// What became of a question to a responder.
enum class OcspOutcome : std::uint8_t {
  good,
  revoked,
  unknown,
  timeout,       // no answer in time, or no turn in the queue
  error,         // no connection, no HTTP, no 200
  refused,       // an answer that is not believed: signature, certificate, nonce, times
  no_responder,  // neither the certificate nor the config names one that could be asked
  overload,      // too many questions wait already
};
inline constexpr std::size_t kOcspOutcomes = 8;
constexpr std::string_view to_string(OcspOutcome outcome) noexcept {
  constexpr std::array<std::string_view, kOcspOutcomes> kWords = {"good",  "revoked", "unknown",      "timeout",
                                                                  "error", "refused", "no_responder", "overload"};
  return kWords[static_cast<std::size_t>(outcome)];
}

// What the status thread has counted of OCSP since it began, for the control thread.
struct OcspReport {
  std::array<std::uint64_t, kOcspOutcomes> queries{};  // by OcspOutcome
  core::Histogram duration;                            // of questions that reached a responder
  std::uint64_t cache_hits = 0;                        // questions of workers that the shared cache answered
  std::uint64_t coalesced = 0;                         // questions of workers that one under way answers, too
  std::uint64_t asking = 0;                            // now
  std::uint64_t queued = 0;                            // now
  std::uint64_t known = 0;                             // certificates in the shared cache, now
};

}  // namespace gateway::gatewayd
