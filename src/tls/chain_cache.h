#pragma once

#include <openssl/x509_vfy.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/peer_identity.h"
#include "tls/digest_map.h"
#include "tls/judge.h"
#include "tls/limits.h"
#include "tls/openssl_ptr.h"

namespace gateway::tls {

class SharedCertificates;  // tls/shared_certificates.h

// What a full verification of a client's chain found out, as far as it does not change with time: signatures, path,
// purpose, profile and names. Times, revocation and anchors are judge()'s in every handshake.
struct VerifiedPath {
  CertificateStackPtr certificates;  // leaf first, the trust anchor last
  std::shared_ptr<const core::PeerIdentity> identity;
  ChainElements elements;
};

// Chains that one worker has verified, so that a client that comes back costs no signature checks but the one that
// proves its key (CertificateVerify). Found by every byte that decided: all certificates that were presented, in their
// order, and all that the host's trust set asks of a chain. Only what was accepted gets here, so nobody without a
// trusted certificate can fill it. Bounded. One thread.
class ChainCache {
 public:
  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;     // chains that were verified in full
    std::uint64_t evictions = 0;  // for want of room
  };

  explicit ChainCache(std::size_t capacity = kMaxVerifiedChains) : paths_(capacity) {}

  // `context`: verification_context_of() the host. `presented`: leaf first.
  static core::Sha256 key_of(const core::Sha256& context, const STACK_OF(X509) * presented,
                             const SharedCertificates& certificates, const EVP_MD* sha256);

  // Null if there is none. Valid until the next change.
  [[nodiscard]] const VerifiedPath* find(const core::Sha256& key) { return paths_.find(key); }
  const VerifiedPath& put(const core::Sha256& key, VerifiedPath path);
  // What is not accepted any more must be looked at in full.
  void drop(const core::Sha256& key);

  void count_hit() { ++counts_.hits; }
  void count_miss() { ++counts_.misses; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t size() const { return paths_.size(); }

 private:
  DigestMap<VerifiedPath> paths_;
  Counts counts_;
};

}  // namespace gateway::tls
