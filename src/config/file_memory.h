#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/secret.h"
#include "tls/certificate_files.h"
#include "tls/sha256_hash.h"

namespace gateway::config {

// The certificates of one file, in its order.
struct CertificateChain {
  std::vector<tls::Der> certificates;
  std::vector<tls::CertificateFacts> facts;
};

// What was made of some bytes, by their digest. A load forgets what the one before it had made and it had no use for.
template <typename Value>
class Remembered {
 public:
  // Null if it is not at hand.
  std::shared_ptr<const Value> find(const core::Sha256& digest) {
    const auto old = before_.find(digest);
    if (old != before_.end()) used_.insert(before_.extract(old));
    const auto found = used_.find(digest);
    return found == used_.end() ? nullptr : found->second;
  }
  void keep(const core::Sha256& digest, std::shared_ptr<const Value> value) {
    used_.insert_or_assign(digest, std::move(value));
    ++made_;
  }
  void forget_unused() { before_ = std::exchange(used_, {}); }
  // How many had to be made, ever.
  [[nodiscard]] std::size_t made() const { return made_; }

 private:
  using Values = std::unordered_map<core::Sha256, std::shared_ptr<const Value>, tls::Sha256Hash>;
  Values used_;
  Values before_;
  std::size_t made_ = 0;
};

// What certificate and key files held, so that a reload parses only those with other bytes. A file is read all the
// same: its bytes are what decides. For one thread.
struct FileMemory {
  Remembered<CertificateChain> chains;
  // Keys that are not encrypted, by the digest of their file and of the certificate that they were found to belong to.
  Remembered<core::Secret> keys;

  // At the end of a load that was taken. What a refused one has made may be of use to its successor.
  void forget_unused() {
    chains.forget_unused();
    keys.forget_unused();
  }
};

}  // namespace gateway::config
