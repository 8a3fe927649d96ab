#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/peer_identity.h"
#include "core/result.h"
#include "tls/sha256_hash.h"

namespace gateway::tls {

using Der = std::string;  // raw DER bytes

// What it means that no answer is to be had: soft lets the client pass, hard refuses it. An answer that isn't "good"
// refuses in both.
enum class OcspMode : std::uint8_t { soft, hard };
// RFC 8954. asked: a nonce is sent, and only an answer with another one is refused; required: one without it, too.
enum class OcspNonce : std::uint8_t { off, asked, required };

std::string_view to_string(OcspMode mode) noexcept;
std::string_view to_string(OcspNonce nonce) noexcept;

struct OcspSettings {
  OcspMode mode = OcspMode::soft;
  OcspNonce nonce = OcspNonce::asked;
  std::chrono::milliseconds timeout{2000};  // from the question to the answer
  std::string responder;                    // http URL; "": what the certificate says (authorityInfoAccess)
  Der responder_certificate;                // whose answers alone count; "": the issuer and its delegates
  friend bool operator==(const OcspSettings&, const OcspSettings&) = default;
};

// How the clients of one trust set are asked about by OCSP (RFC 6960). Immutable, shared by all workers.
struct OcspOptions {
  using Issuers = std::unordered_map<core::Sha256, std::shared_ptr<const Der>, Sha256Hash>;

  OcspSettings settings;
  // Digest of the trust set's name, of whom is asked and believed, and how: answers had under other rules don't count.
  core::Sha256 authority{};
  Issuers anchors;  // by ChainElement::issuer_key of what they sign: a resumed session brings no certificates

  // Error: an anchor that can't be parsed.
  static core::Result<std::shared_ptr<const OcspOptions>> build(std::string_view trust_set, OcspSettings settings,
                                                                const std::vector<Der>& anchors);
};

}  // namespace gateway::tls
