#include "pki/validity.h"

#include <fmt/core.h>

#include <array>

namespace gateway::pki {
namespace {

using std::chrono::sys_seconds;

struct CivilTime {
  int year = 0;
  unsigned month = 1;
  unsigned day = 1;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
};

// Reads the digits of `pattern`'s letters; any other byte of it must be met as it is.
std::optional<CivilTime> read(std::string_view pattern, std::string_view text) {
  if (pattern.size() != text.size()) return std::nullopt;
  std::array<unsigned, 6> fields{};
  constexpr std::string_view kLetters = "YmdHMS";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t field = kLetters.find(pattern[i]);
    if (field == std::string_view::npos) {
      if (text[i] != pattern[i]) return std::nullopt;
      continue;
    }
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    fields[field] = fields[field] * 10 + static_cast<unsigned>(text[i] - '0');
  }
  return CivilTime{.year = static_cast<int>(fields[0]),
                   .month = fields[1],
                   .day = fields[2],
                   .hour = fields[3],
                   .minute = fields[4],
                   .second = fields[5]};
}

std::optional<sys_seconds> to_time(const CivilTime& civil) {
  const std::chrono::year_month_day date{std::chrono::year{civil.year}, std::chrono::month{civil.month},
                                         std::chrono::day{civil.day}};
  if (!date.ok() || civil.hour > 23 || civil.minute > 59 || civil.second > 59) return std::nullopt;
  return sys_seconds(std::chrono::sys_days{date}) + std::chrono::hours{civil.hour} +
         std::chrono::minutes{civil.minute} + std::chrono::seconds{civil.second};
}

CivilTime to_civil(sys_seconds time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss clock{time - days};
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = static_cast<unsigned>(clock.hours().count()),
          .minute = static_cast<unsigned>(clock.minutes().count()),
          .second = static_cast<unsigned>(clock.seconds().count())};
}

}  // namespace

Validity validity_of_days(sys_seconds now, int days) {
  const auto span = std::chrono::days{days};
  if (days < 0) return {.not_before = now + 2 * span, .not_after = now + span};
  return {.not_before = now - kClockSkew, .not_after = now + span};
}

std::optional<sys_seconds> parse_time(std::string_view text) {
  auto civil = read("YYYY-mm-ddTHH:MM:SSZ", text);
  if (!civil) civil = read("YYYY-mm-dd", text);
  return civil ? to_time(*civil) : std::nullopt;
}

std::string format_time(sys_seconds time) {
  const CivilTime civil = to_civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", civil.year, civil.month, civil.day, civil.hour,
                     civil.minute, civil.second);
}

std::optional<sys_seconds> parse_index_time(std::string_view text) {
  if (auto civil = read("YYYYmmddHHMMSSZ", text)) return to_time(*civil);
  auto civil = read("YYmmddHHMMSSZ", text);
  if (!civil) return std::nullopt;
  civil->year += civil->year < 50 ? 2000 : 1900;  // RFC 5280 section 4.1.2.5.1
  return to_time(*civil);
}

std::string format_index_time(sys_seconds time) {
  const CivilTime civil = to_civil(time);
  const bool short_year = civil.year >= 1950 && civil.year < 2050;
  const std::string year = short_year ? fmt::format("{:02}", civil.year % 100) : fmt::format("{:04}", civil.year);
  return fmt::format("{}{:02}{:02}{:02}{:02}{:02}Z", year, civil.month, civil.day, civil.hour, civil.minute,
                     civil.second);
}

}  // namespace gateway::pki
