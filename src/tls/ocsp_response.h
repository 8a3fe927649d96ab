#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/peer_identity.h"
#include "core/result.h"
#include "tls/ocsp_request.h"

namespace gateway::tls {

enum class OcspStatus : std::uint8_t { good, revoked, unknown };
std::string_view to_string(OcspStatus status) noexcept;

// Whom the issuer has charged with answering; its certificate may be revoked like any other.
struct OcspDelegate {
  core::Sha256 fingerprint{};
  std::string serial;  // as ChainElement::serial
};

// What a responder said of the one certificate, believed.
struct OcspAnswer {
  OcspStatus status = OcspStatus::unknown;
  std::chrono::sys_seconds this_update{};
  std::optional<std::chrono::sys_seconds> next_update;
  std::optional<std::chrono::sys_seconds> revoked_at;
  // How long it may be used without asking again: to nextUpdate, never past the signer's own notAfter, at most an hour;
  // a minute if there is no nextUpdate.
  std::chrono::sys_seconds fresh_until{};
  std::optional<OcspDelegate> delegate;  // nullopt: the issuer itself or the configured responder
};

// Reads an OCSPResponse (RFC 6960 section 4.2.1) and believes it only if it is small enough, successful, signed by who
// may answer `question`, about its certificate, with its nonce, and of `now`. Neither the system's roots nor anything
// else that the response brings along is trusted. Error: ocsp_unavailable, with what is wrong. Any thread.
core::Result<OcspAnswer> read_ocsp_response(std::string_view der, const OcspQuestion& question,
                                            std::chrono::sys_seconds now);

}  // namespace gateway::tls
