#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gateway::tls {

enum class ProtocolVersion : std::uint8_t { tls12, tls13 };

// Named profiles are Mozilla's recommendations for servers (guideline 6.0); custom is the operator's own.
enum class TlsProfile : std::uint8_t { modern, intermediate, custom };

inline constexpr unsigned kMinRsaBits = 2048;   // what no setting can go below
inline constexpr unsigned kMaxRsaBits = 8192;   // of a client's key: what is larger costs us more than its owner
inline constexpr unsigned kMinCurveBits = 256;  // of a client's elliptic curve key

// What a virtual host negotiates, as plain data. Lists are in order of preference.
struct TlsSettings {
  ProtocolVersion min_version = ProtocolVersion::tls12;
  ProtocolVersion max_version = ProtocolVersion::tls13;
  std::vector<std::string> ciphers;        // TLS 1.2, OpenSSL's names
  std::vector<std::string> cipher_suites;  // TLS 1.3
  // "?NAME" is left out where this OpenSSL doesn't have it; without the mark that is an error.
  std::vector<std::string> groups;
  // Of our own signatures, of the client's CertificateVerify and of what the CertificateRequest asks for.
  std::vector<std::string> signature_algorithms;
  unsigned min_rsa_bits = kMinRsaBits;  // of every RSA key in a client's chain
  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

// What custom begins with is intermediate.
TlsSettings settings_of(TlsProfile profile);

}  // namespace gateway::tls
