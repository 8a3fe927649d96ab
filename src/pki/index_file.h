#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pki/error.h"

namespace gateway::pki {

// The letters of the openssl-ca database.
enum class IndexStatus : char { valid = 'V', revoked = 'R', expired = 'E' };

// One line of index.txt: six fields with tabs between them, as openssl-ca(1) reads and writes them.
struct IndexRow {
  IndexStatus status = IndexStatus::valid;
  std::chrono::sys_seconds not_after{};
  std::string revocation;  // empty, or a time, or "time,reason" and more; kept as found
  std::string serial;      // upper-case hex, an even number of digits
  std::string file = "unknown";
  std::string subject;  // "/O=Example/CN=name"
};

// Why a certificate was revoked (RFC 5280 section 5.3.1); `unspecified` is not written to a CRL.
enum class RevocationReason : int {
  unspecified = 0,
  key_compromise = 1,
  ca_compromise = 2,
  affiliation_changed = 3,
  superseded = 4,
  cessation_of_operation = 5,
  certificate_hold = 6,
};

struct Revocation {
  std::chrono::sys_seconds time{};
  RevocationReason reason = RevocationReason::unspecified;
};

// OpenSSL's word for a reason, e.g. "keyCompromise".
std::string_view to_string(RevocationReason reason) noexcept;
// Compares without case; nullopt for an unknown word.
std::optional<RevocationReason> parse_reason(std::string_view word);

std::string format_revocation(const Revocation& revocation);
std::optional<Revocation> parse_revocation(std::string_view field);

// "0a:1B" -> "0A1B": colons out, upper case, no leading zero bytes, an even number of digits; nullopt if it isn't hex.
std::optional<std::string> canonical_serial(std::string_view text);

// Fails on the first line that isn't one: a database that can't be understood must not lose its revocations.
// `file` is named in errors only.
Result<std::vector<IndexRow>> parse_index(std::string_view text, const std::filesystem::path& file);
std::string format_index(std::span<const IndexRow> rows);

}  // namespace gateway::pki
