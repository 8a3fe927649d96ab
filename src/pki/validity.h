#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gateway::pki {

// The time in which a certificate holds, both ends included (RFC 5280 section 4.1.2.5).
struct Validity {
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
};

inline constexpr int kDefaultLeafDays = 365;
inline constexpr int kDefaultAuthorityDays = 3650;
inline constexpr int kDefaultCrlDays = 30;
inline constexpr int kMaxDays = 36500;
// A new certificate must hold at once on machines whose clocks are a little behind.
inline constexpr std::chrono::minutes kClockSkew{5};

// From now on for `days`; with a negative number a validity that ended that many days ago. Zero means nothing.
Validity validity_of_days(std::chrono::sys_seconds now, int days);

// "2026-10-31" (midnight) or "2026-10-31T12:00:00Z", always UTC.
std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);
std::string format_time(std::chrono::sys_seconds time);

// The form of the openssl-ca database: YYMMDDHHMMSSZ, from 2050 on with a four-digit year.
std::optional<std::chrono::sys_seconds> parse_index_time(std::string_view text);
std::string format_index_time(std::chrono::sys_seconds time);

}  // namespace gateway::pki
