#pragma once

#include <openssl/x509_vfy.h>

#include <cstdint>

#include "tls/digest_map.h"
#include "tls/limits.h"

namespace gateway::tls {

class SharedCertificates;  // tls/shared_certificates.h

// The issuers' parts of paths whose signatures one worker has checked: from the leaf's issuer to the anchor. A new
// client under known issuers costs one signature check, that of its own certificate, instead of one for each
// certificate. Bounded. One thread.
//
// It stands in the last step of X509_verify_cert() (X509_STORE_CTX_set_verify), where OpenSSL has built the path and
// checked extensions, trust, names and policies of it as ever. What that step would find out of the issuers again are
// signatures of the same bytes by the same keys, and times, which judge() decides on.
class KnownIssuers {
 public:
  struct Counts {
    std::uint64_t full = 0;    // all signatures of the path were checked
    std::uint64_t leaves = 0;  // the leaf's only
  };

  // Both outlive this.
  KnownIssuers(const SharedCertificates& certificates, const EVP_MD* sha256,
               std::size_t capacity = kMaxKnownIssuerPaths)
      : certificates_(certificates), sha256_(sha256), paths_(capacity) {}
  KnownIssuers(const KnownIssuers&) = delete;
  KnownIssuers& operator=(const KnownIssuers&) = delete;

  // Lets X509_verify_cert(context) ask here while it lives. `context` must tolerate wrong times, or have them judged
  // elsewhere.
  class Use {
   public:
    Use(X509_STORE_CTX* context, KnownIssuers& issuers);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    friend class KnownIssuers;
    X509_STORE_CTX* const context_;
    KnownIssuers& issuers_;
    const X509_STORE_CTX_verify_fn full_;  // OpenSSL's own
  };

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t size() const { return paths_.size(); }

 private:
  struct Known {};

  static int check_signatures(X509_STORE_CTX* context) noexcept;
  int check(X509_STORE_CTX* context, X509_STORE_CTX_verify_fn full);
  // Of all certificates but the leaf.
  [[nodiscard]] core::Sha256 key_of(const STACK_OF(X509) * path) const;

  const SharedCertificates& certificates_;
  const EVP_MD* sha256_;
  DigestMap<Known> paths_;
  Counts counts_;
};

}  // namespace gateway::tls
