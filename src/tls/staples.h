#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "core/peer_identity.h"

namespace gateway::tls {

// An OCSP response that says of one of our own certificates that it is good, and was believed (tls/ocsp_response.h).
struct Staple {
  std::string response;  // OCSPResponse, DER
  std::chrono::sys_seconds until{};
  friend bool operator==(const Staple&, const Staple&) = default;
};

// By the SHA-256 of the certificate. Immutable, shared by all workers.
using Staples = std::map<core::Sha256, Staple>;

// What a worker staples at the moment; of its thread. Before that runs, of the control thread.
class StapleBox {
 public:
  void replace(std::shared_ptr<const Staples> staples) { staples_ = std::move(staples); }
  // Null if there is none that counts at `now`.
  [[nodiscard]] const Staple* find(const core::Sha256& certificate, std::chrono::sys_seconds now) const {
    if (!staples_) return nullptr;
    const auto found = staples_->find(certificate);
    return found == staples_->end() || now >= found->second.until ? nullptr : &found->second;
  }

 private:
  std::shared_ptr<const Staples> staples_;
};

}  // namespace gateway::tls
