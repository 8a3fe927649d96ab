#include "pki/index_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "pki/validity.h"

namespace gateway::pki {
namespace {

constexpr std::array<std::pair<RevocationReason, std::string_view>, 7> kReasonWords{{
    {RevocationReason::unspecified, "unspecified"},
    {RevocationReason::key_compromise, "keyCompromise"},
    {RevocationReason::ca_compromise, "CACompromise"},
    {RevocationReason::affiliation_changed, "affiliationChanged"},
    {RevocationReason::superseded, "superseded"},
    {RevocationReason::cessation_of_operation, "cessationOfOperation"},
    {RevocationReason::certificate_hold, "certificateHold"},
}};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Splits at tabs; OpenSSL writes a tab inside a field as a backslash and a tab.
std::vector<std::string> split_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c != '\t') {
      fields.back().push_back(c);
    } else if (!fields.back().empty() && fields.back().back() == '\\') {
      fields.back().back() = '\t';
    } else {
      fields.emplace_back();
    }
  }
  return fields;
}

std::string escape_field(std::string_view field) {
  std::string escaped;
  for (const char c : field) {
    if (c == '\t') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

std::optional<IndexRow> parse_row(std::string_view line) {
  std::vector<std::string> fields = split_fields(line);
  if (fields.size() != 6 || fields[0].size() != 1) return std::nullopt;
  const char status = fields[0][0];
  if (status != 'V' && status != 'R' && status != 'E') return std::nullopt;
  const auto not_after = parse_index_time(fields[1]);
  auto serial = canonical_serial(fields[3]);
  if (!not_after || !serial) return std::nullopt;
  const bool revoked = status == 'R';
  if (revoked != !fields[2].empty() || (revoked && !parse_revocation(fields[2]))) return std::nullopt;
  return IndexRow{.status = static_cast<IndexStatus>(status),
                  .not_after = *not_after,
                  .revocation = std::move(fields[2]),
                  .serial = std::move(*serial),
                  .file = std::move(fields[4]),
                  .subject = std::move(fields[5])};
}

}  // namespace

std::string_view to_string(RevocationReason reason) noexcept {
  for (const auto& [value, word] : kReasonWords) {
    if (value == reason) return word;
  }
  return "unspecified";
}

std::optional<RevocationReason> parse_reason(std::string_view word) {
  for (const auto& [value, known] : kReasonWords) {
    if (std::ranges::equal(word, known, {}, lower, lower)) return value;
  }
  return std::nullopt;
}

std::string format_revocation(const Revocation& revocation) {
  std::string field = format_index_time(revocation.time);
  if (revocation.reason != RevocationReason::unspecified) field.append(",").append(to_string(revocation.reason));
  return field;
}

std::optional<Revocation> parse_revocation(std::string_view field) {
  const std::size_t comma = field.find(',');
  const auto time = parse_index_time(field.substr(0, comma));
  if (!time) return std::nullopt;
  if (comma == std::string_view::npos) return Revocation{.time = *time};
  std::string_view word = field.substr(comma + 1);
  word = word.substr(0, word.find(','));
  // openssl-ca's own words for a reason with an argument behind it.
  if (word == "holdInstruction") word = "certificateHold";
  if (word == "keyTime") word = "keyCompromise";
  if (word == "CAkeyTime") word = "CACompromise";
  const auto reason = parse_reason(word);
  if (!reason) return std::nullopt;
  return Revocation{.time = *time, .reason = *reason};
}

std::optional<std::string> canonical_serial(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c == ':') continue;
    const bool hex = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
    if (!hex) return std::nullopt;
    if (!digits.empty() || c != '0') digits.push_back(upper(c));
  }
  if (digits.empty() && text.find('0') == std::string_view::npos) return std::nullopt;
  if (digits.empty()) return "00";
  return digits.size() % 2 == 0 ? digits : "0" + digits;
}

Result<std::vector<IndexRow>> parse_index(std::string_view text, const std::filesystem::path& file) {
  std::vector<IndexRow> rows;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    auto row = parse_row(line);
    if (!row) return refuse(fmt::format("line {} is not one of an openssl-ca database", number), file);
    rows.push_back(std::move(*row));
  }
  return rows;
}

std::string format_index(std::span<const IndexRow> rows) {
  std::string text;
  for (const IndexRow& row : rows) {
    text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", static_cast<char>(row.status), format_index_time(row.not_after),
                        escape_field(row.revocation), row.serial, escape_field(row.file), escape_field(row.subject));
  }
  return text;
}

}  // namespace gateway::pki
