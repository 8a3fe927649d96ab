#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// What an operator wants to know of a certificate.
struct CertificateFacts {
  std::string subject;  // RFC 4514
  std::string issuer;   // RFC 4514
  std::string serial;   // upper-case hex
  std::vector<std::string> dns_names;
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
  bool is_ca = false;
  std::string key_type;      // "ECDSA", "RSA", "RSA-PSS", "Ed25519", "Ed448"; "" for one that can't sign a handshake
  bool must_staple = false;  // RFC 7633: clients refuse it without an OCSP response
  std::string unfit_for_servers;  // which extension forbids it to be a TLS server's; "" if none does
};

// All functions parse bytes that the caller has read; they touch no file. Errors have side gateway and say what was
// found.

// PEM (one or more, other blocks ignored) or one DER certificate.
core::Result<std::vector<Der>> parse_certificates(std::string_view bytes);
core::Result<CertificateFacts> facts_of(const Der& certificate);

}  // namespace gateway::tls
