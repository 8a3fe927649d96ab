#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tls/known_revocations.h"

namespace gateway::gatewayd {

// The most that one gateway keeps: what is more belongs into a CRL.
inline constexpr std::size_t kMaxRevocations = 100'000;

// One certificate that the operator has revoked (gatewayctl revoke), as it is kept and shown.
struct RevocationEntry {
  std::string fingerprint;  // "sha256:" and 64 lower-case digits; "" for one that is named by its serial number
  std::string serial;       // upper-case hex, whole bytes; "" for one that is named by its fingerprint
  std::string issuer;   // of `serial`: a distinguished name as it was given, or "sha256:..." of the CA's certificate;
                        // "": any
  std::string comment;  // one line; may be empty
  std::chrono::sys_seconds added{};
};

// An entry from what somebody typed, with `serial` and fingerprints in their one form. Error: what is wrong with it.
core::Result<RevocationEntry> checked_entry(RevocationEntry typed);
// `entry` must be a checked one.
tls::RevokedCertificate certificate_of(const RevocationEntry& entry);
// "certificate sha256:..." or "serial 0A1B of CN=..."
std::string describe(const RevocationEntry& entry);

// The request of gatewayctl: {"fingerprint" or "serial", "issuer", "comment"}, all of them texts.
core::Result<RevocationEntry> entry_from_json(std::string_view text);

// The file in the state directory. What encode_revocations() did not write, or a person who knows the format, is an
// error.
std::string encode_revocations(const std::vector<RevocationEntry>& entries);
core::Result<std::vector<RevocationEntry>> decode_revocations(std::string_view text);

}  // namespace gateway::gatewayd
