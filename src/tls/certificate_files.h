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
};

// All functions parse bytes that the caller has read; they touch no file. Errors have side gateway and say what was
// found.

// PEM (one or more, other blocks ignored) or one DER certificate.
core::Result<std::vector<Der>> parse_certificates(std::string_view bytes);
// PEM or DER, PKCS#8 or traditional; an encrypted key is an error that says so. Returns DER.
core::Result<std::string> parse_private_key(std::string_view bytes);
// Fails if `private_key` is not the one of `certificate`, or is too weak for TLS (RSA under 2048 bits).
core::Result<bool> check_key_matches(const Der& certificate, const std::string& private_key);
core::Result<CertificateFacts> facts_of(const Der& certificate);

}  // namespace gateway::tls
