#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>

#include "core/result.h"
#include "tls/crl_der.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// Tells whether a key signed a CRL, without the CRL: its digest stands for it, so that neither its bytes are kept nor a
// worker ever hashes 40 MB of them. Algorithms that sign more than a digest (Ed25519, RSA-PSS) keep the bytes.
// Immutable: any thread.
class CrlSignature {
 public:
  CrlSignature() = default;
  // `header` is that of `parts`. Error: an algorithm that proves nothing.
  static core::Result<CrlSignature> of(const CrlParts& parts, const X509_CRL* header);

  // `library` may be null (the default context).
  [[nodiscard]] bool is_by(EVP_PKEY* key, OSSL_LIB_CTX* library) const;

 private:
  [[nodiscard]] bool digest_is_signed_by(EVP_PKEY* key, OSSL_LIB_CTX* library) const;
  [[nodiscard]] bool bytes_are_signed_by(EVP_PKEY* key, OSSL_LIB_CTX* library) const;

  int digest_ = 0;         // NID; NID_undef: `signed_` is the whole TBSCertList
  int key_type_ = 0;       // NID of the keys that sign so
  Der algorithm_;          // AlgorithmIdentifier
  std::string signature_;  // the BIT STRING's bytes
  std::string signed_;     // digest of the TBSCertList, or all of it
};

}  // namespace gateway::tls
