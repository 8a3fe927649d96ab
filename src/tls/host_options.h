#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_url.h"
#include "core/limits.h"
#include "core/peer_identity.h"
#include "core/secret.h"
#include "tls/tls_settings.h"
#include "tls/trust_set.h"

namespace gateway::tls {

struct TokenKey;  // tls/token_key.h

enum class ClientAuth : std::uint8_t { off, optional, strict };

// How a client learns that its certificate is refused, or missing where one is required.
enum class OnRefusal : std::uint8_t {
  alert,  // the handshake fails
  http,   // the handshake completes, and the first request is answered 403 with the reason; see HandshakeStatus::barred
};

// Where the sessions are kept that clients may resume.
enum class SessionStore : std::uint8_t {
  process,  // here, and the client is given an id that means nothing anywhere else
  tickets,  // at the client, sealed: whoever has the keys can open them
};

std::string_view to_string(ClientAuth mode) noexcept;          // "off", "optional", "strict"
std::string_view to_string(ProtocolVersion version) noexcept;  // "TLSv1.2", "TLSv1.3"

// A certificate that a virtual host can show, and the key that proves it. Plain data, immutable, shared.
struct ServerCertificate {
  std::string key_type;            // as CertificateFacts has it
  std::vector<Der> chain;          // server certificate first
  core::SharedSecret private_key;  // PKCS#8 or traditional DER, not encrypted; null if the key is in a token
  std::shared_ptr<const TokenKey> token_key;
};

// One of a host's certificates that OCSP responses are stapled to, and what it takes to ask for them.
struct StapledCertificate {
  Der certificate;
  Der issuer;
  core::HttpUrl responder;
};

// Everything that a virtual host's TLS depends on, as plain data. Built by the control thread, immutable, shared.
struct HostOptions {
  std::string name;  // of the virtual host
  ClientAuth client_auth = ClientAuth::strict;
  // At least one, each with a key of another type: OpenSSL shows the first that the client can verify.
  std::vector<ServerCertificate> certificates;
  std::vector<StapledCertificate> stapled;
  std::shared_ptr<const TrustSet> trust;  // null only for ClientAuth::off
  OnRefusal on_refusal = OnRefusal::alert;
  bool session_tickets = true;  // false: no session is given, none is taken
  SessionStore session_store = SessionStore::process;
  std::chrono::seconds session_lifetime = core::kSessionLifetime;  // of a session, from its full handshake
  TlsSettings settings = settings_of(TlsProfile::intermediate);
  std::size_t max_client_chain_bytes = core::kMaxClientChainBytes;  // of the Certificate message
};

// The session id context (RFC 8446 section 4.6.1 leaves it to us): a content digest of host name, mode, every anchor's
// DER, what the trust set asks of a chain, and the TLS settings; the same in every replica and after every restart.
core::Sha256 session_context_of(const HostOptions& options);

// Digest of all that decides whether signatures, path, purpose and profile of a client's chain are good for this host.
core::Sha256 verification_context_of(const HostOptions& options);

// Digest of everything in `options`, the server certificates and keys too (but no CRL): equal means that a built
// context can be reused.
core::Sha256 content_digest_of(const HostOptions& options);

}  // namespace gateway::tls
