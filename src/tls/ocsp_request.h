#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// What an OCSP responder (RFC 6960) is asked, and whose answer counts.
struct OcspQuestion {
  Der certificate;
  Der issuer;                   // whose key signed `certificate`
  std::string nonce;            // goes with the request (RFC 8954, 1 to 32 bytes); "": none
  bool nonce_required = false;  // an answer without it is refused; otherwise only one with another nonce is
  // "": the issuer answers, or a delegate whose certificate the issuer signed for that purpose. Else this certificate's
  // key alone is believed, because the operator says so (RFC 6960 section 4.2.2.2, case 1).
  Der responder_certificate;
};

// 32 random bytes; "" if there are none to be had.
std::string make_ocsp_nonce();

// OCSPRequest in DER, unsigned, for the one certificate. CertID's hash is SHA-1, which responders expect (RFC 5019
// section 2.1.1): it only names the issuer, nothing rests on it. Error (side gateway): a certificate that can't be
// parsed.
core::Result<std::string> build_ocsp_request(const OcspQuestion& question);

// Where `certificate` says its status can be asked (authorityInfoAccess, RFC 5280 section 4.2.2.1): the first http URL
// that is printable ASCII and of a sensible length.
std::optional<std::string> ocsp_url_of(const Der& certificate);

}  // namespace gateway::tls
