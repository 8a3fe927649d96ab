#pragma once

#include <memory>
#include <unordered_map>

#include "core/peer_identity.h"
#include "tls/ocsp_options.h"
#include "tls/sha256_hash.h"

namespace gateway::tls {

// The certificates of the intermediate CAs that one worker has met in chains that verified: a resumed session brings no
// chain, and whoever asks about its leaf must name the issuer. Bounded: further ones are not remembered, and the
// sessions of their clients are not resumed where OCSP is asked. One thread.
class IssuerTable {
 public:
  static constexpr std::size_t kMaxIssuers = 1024;

  // What was met under this key, else what `read()` gives, which is remembered if there is room.
  template <typename Read>
  std::shared_ptr<const Der> meet(const core::Sha256& issuer_key, Read read) {
    if (auto known = find(issuer_key)) return known;
    auto certificate = std::make_shared<const Der>(read());
    if (issuers_.size() < kMaxIssuers) issuers_.emplace(issuer_key, certificate);
    return certificate;
  }
  // Null if it was not met.
  [[nodiscard]] std::shared_ptr<const Der> find(const core::Sha256& issuer_key) const {
    const auto found = issuers_.find(issuer_key);
    return found == issuers_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<core::Sha256, std::shared_ptr<const Der>, Sha256Hash> issuers_;
};

}  // namespace gateway::tls
