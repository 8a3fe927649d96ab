#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/peer_identity.h"
#include "tls/staples.h"

namespace gateway::gatewayd {

// What became of the attempts to get an OCSP response for one of our own certificates.
struct StapleState {
  core::Sha256 certificate{};
  std::string subject;                            // RFC 4514
  std::string responder;                          // its URL
  std::uint64_t good = 0;                         // a response to staple
  std::uint64_t revoked = 0;                      // the CA says revoked: nothing is stapled
  std::uint64_t failed = 0;                       // no response, or none that can be believed
  std::string fault;                              // of the last attempt; "" if it went well or there was none
  std::optional<std::chrono::sys_seconds> until;  // of the staple in use
};
// Immutable.
using StapleStates = std::vector<StapleState>;

// From the status thread to the control thread, after every attempt.
struct StapleReport {
  std::shared_ptr<const StapleStates> states;
  std::shared_ptr<const tls::Staples> staples;
};

}  // namespace gateway::gatewayd
