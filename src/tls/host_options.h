#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/peer_identity.h"
#include "core/secret.h"
#include "tls/trust_set.h"

namespace gateway::tls {

enum class ClientAuth : std::uint8_t { off, optional, strict };
enum class ProtocolVersion : std::uint8_t { tls12, tls13 };

std::string_view to_string(ClientAuth mode) noexcept;          // "off", "optional", "strict"
std::string_view to_string(ProtocolVersion version) noexcept;  // "TLSv1.2", "TLSv1.3"

// A certificate that a virtual host can show, and the key that proves it. Plain data, immutable, shared.
struct ServerCertificate {
  std::string key_type;            // as CertificateFacts has it
  std::vector<Der> chain;          // server certificate first
  core::SharedSecret private_key;  // PKCS#8 or traditional DER, not encrypted
};

// Everything that a virtual host's TLS depends on, as plain data. Built by the control thread, immutable, shared.
struct HostOptions {
  std::string name;  // of the virtual host
  ClientAuth client_auth = ClientAuth::strict;
  // At least one, each with a key of another type: OpenSSL shows the first that the client can verify.
  std::vector<ServerCertificate> certificates;
  std::shared_ptr<const TrustSet> trust;  // null only for ClientAuth::off
  ProtocolVersion min_version = ProtocolVersion::tls12;
  ProtocolVersion max_version = ProtocolVersion::tls13;
};

// The session id context (RFC 8446 section 4.6.1 leaves it to us): a content digest of host name, mode, every anchor's
// DER, depth and versions, the same in every replica and after every restart.
core::Sha256 session_context_of(const HostOptions& options);

// Digest of everything in `options`, the server certificates and keys too (but no CRL): equal means that a built
// context can be reused.
core::Sha256 content_digest_of(const HostOptions& options);

}  // namespace gateway::tls
