#pragma once

#include <openssl/ocsp.h>

#include <chrono>
#include <optional>

#include "core/result.h"
#include "tls/ocsp_response.h"

namespace gateway::tls {

// Who signed an OCSP response.
struct OcspSigner {
  std::chrono::sys_seconds not_after{};
  std::optional<OcspDelegate> delegate;
};

// Checks the signature and the right to give it. OCSP_basic_verify() isn't used: by its flags and by what is in its
// store it trusts more than RFC 6960 section 4.2.2.2 allows (any certificate in OCSP_TRUSTOTHER's list, any path to a
// root). Here there are three ways and no path: `responder` if it is given, and nobody else; `issuer`; a certificate in
// the response that `issuer` itself signed for OCSP. Error: what is missing.
core::Result<OcspSigner> check_ocsp_signer(OCSP_BASICRESP* response, X509* issuer, X509* responder,
                                           std::chrono::sys_seconds now);

}  // namespace gateway::tls
