#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/ip_address.h"

namespace gateway::core {

using Sha256 = std::array<std::uint8_t, 32>;

// What the verified leaf certificate of a client says (RFC 5280), as plain values. It exists only for a certificate
// that verified: an anonymous client has none. Names are as they stand in the certificate; one with a NUL or control
// byte never gets here (the certificate is refused as malformed).
struct PeerIdentity {
  std::vector<std::string> common_names;
  std::vector<std::string> organizations;
  std::vector<std::string> organizational_units;
  std::string subject_dn;  // RFC 4514
  std::string issuer_dn;   // RFC 4514
  std::vector<std::string> issuer_common_names;
  std::vector<std::string> dns_sans;
  std::vector<std::string> uri_sans;
  std::vector<std::string> email_sans;
  std::vector<IpAddress> ip_sans;
  std::string serial;         // upper-case hex as openssl prints it, e.g. "0A1B"
  Sha256 fingerprint{};       // of the certificate's DER
  Sha256 spki_fingerprint{};  // of its SubjectPublicKeyInfo
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
  std::string certificate_der;
};

}  // namespace gateway::core
