#include "gatewayd/revocation_entry.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "tls/dn_text.h"

namespace gateway::gatewayd {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::string_view kSha256 = "sha256:";
constexpr std::size_t kMaxTextBytes = 1024;
constexpr std::string_view kDigits = "0123456789abcdef";

std::unexpected<core::Error> refused(std::string why) {
  return core::fail(core::Reason::bad_request, core::Side::client, std::move(why));
}

std::string hex_of(std::string_view bytes, bool upper) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xfU];
  }
  if (upper) std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return out;
}

int digit_of(char c) {
  const char folded = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
  const auto at = kDigits.find(folded);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// 64 digits, as they are or with colons, with or without "sha256:".
std::optional<core::Sha256> parse_fingerprint(std::string_view text) {
  if (text.starts_with(kSha256)) text.remove_prefix(kSha256.size());
  core::Sha256 digest{};
  std::size_t count = 0;
  for (const char c : text) {
    if (c == ':' && count != 0 && count % 2 == 0) continue;
    const int digit = digit_of(c);
    if (digit < 0 || count == 2 * digest.size()) return std::nullopt;
    auto& byte = digest[count / 2];
    byte = static_cast<std::uint8_t>(byte * 16 + digit);
    ++count;
  }
  if (count != 2 * digest.size()) return std::nullopt;
  return digest;
}

std::string fingerprint_text(const core::Sha256& digest) {
  return std::string(kSha256) + hex_of({reinterpret_cast<const char*>(digest.data()), digest.size()}, false);
}

bool is_one_line(std::string_view text) {
  return text.size() <= kMaxTextBytes && std::ranges::none_of(text, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 || byte == 0x7f;
         });
}

Json json_of(const RevocationEntry& entry) {
  Json json;
  if (!entry.fingerprint.empty()) json["fingerprint"] = entry.fingerprint;
  if (!entry.serial.empty()) json["serial"] = entry.serial;
  if (!entry.issuer.empty()) json["issuer"] = entry.issuer;
  if (!entry.comment.empty()) json["comment"] = entry.comment;
  json["added"] = entry.added.time_since_epoch().count();
  return json;
}

// The members that are texts; `added` only if `with_time`. Anything else is an error.
core::Result<RevocationEntry> typed_entry(const Json& json, bool with_time) {
  if (!json.is_object()) return refused("is no JSON object");
  RevocationEntry entry;
  const std::array<std::pair<std::string_view, std::string*>, 4> texts{{{"fingerprint", &entry.fingerprint},
                                                                        {"serial", &entry.serial},
                                                                        {"issuer", &entry.issuer},
                                                                        {"comment", &entry.comment}}};
  for (const auto& [key, value] : json.items()) {
    if (with_time && key == "added" && value.is_number_integer()) {
      entry.added = std::chrono::sys_seconds(std::chrono::seconds(value.get<std::int64_t>()));
      continue;
    }
    const auto* const known = std::ranges::find(texts, key, [](const auto& text) { return text.first; });
    if (known == texts.end()) return refused("has the unknown member '" + key + "'");
    if (!value.is_string()) return refused("'" + key + "' is no text");
    *known->second = value.get<std::string>();
  }
  return entry;
}

}  // namespace

core::Result<RevocationEntry> checked_entry(RevocationEntry typed) {
  if (typed.fingerprint.empty() == typed.serial.empty()) {
    return refused("a certificate is named by its fingerprint or by its serial number");
  }
  if (!is_one_line(typed.comment) || !is_one_line(typed.issuer)) {
    return refused("comment and issuer are one line each, of at most " + std::to_string(kMaxTextBytes) + " bytes");
  }
  if (!typed.fingerprint.empty()) {
    if (!typed.issuer.empty()) return refused("a fingerprint needs no issuer");
    const auto fingerprint = parse_fingerprint(typed.fingerprint);
    if (!fingerprint) return refused("a fingerprint is sha256: and 64 hexadecimal digits");
    typed.fingerprint = fingerprint_text(*fingerprint);
    return typed;
  }
  const auto serial = tls::parse_serial(typed.serial);
  if (!serial) return refused("a serial number is hexadecimal, as openssl x509 -serial prints it");
  typed.serial = hex_of(*serial, true);
  if (typed.issuer.starts_with(kSha256)) {
    const auto issuer = parse_fingerprint(typed.issuer);
    if (!issuer) return refused("the fingerprint of an issuer's certificate is sha256: and 64 hexadecimal digits");
    typed.issuer = fingerprint_text(*issuer);
  } else if (!typed.issuer.empty() && !tls::canonical_dn(typed.issuer)) {
    return refused("an issuer is a name such as CN=My CA,O=Example, or sha256: and the fingerprint of its certificate");
  }
  return typed;
}

tls::RevokedCertificate certificate_of(const RevocationEntry& entry) {
  tls::RevokedCertificate certificate;
  if (!entry.fingerprint.empty()) {
    certificate.fingerprint = parse_fingerprint(entry.fingerprint).value();
    return certificate;
  }
  certificate.serial = tls::parse_serial(entry.serial).value();
  if (entry.issuer.starts_with(kSha256)) {
    certificate.issuer = tls::IssuerCertificate{parse_fingerprint(entry.issuer).value()};
  } else if (!entry.issuer.empty()) {
    certificate.issuer = tls::IssuerName{tls::canonical_dn(entry.issuer).value()};
  }
  return certificate;
}

std::string describe(const RevocationEntry& entry) {
  if (!entry.fingerprint.empty()) return "certificate " + entry.fingerprint;
  return "serial " + entry.serial + (entry.issuer.empty() ? " of any issuer" : " of " + entry.issuer);
}

core::Result<RevocationEntry> entry_from_json(std::string_view text) {
  TRY(RevocationEntry entry, typed_entry(Json::parse(text, nullptr, false), false));
  return checked_entry(std::move(entry));
}

std::string encode_revocations(const std::vector<RevocationEntry>& entries) {
  Json list = Json::array();
  for (const RevocationEntry& entry : entries) list.push_back(json_of(entry));
  return Json({{"format", kFormat}, {"revocations", std::move(list)}})
             .dump(1, ' ', false, Json::error_handler_t::replace) +
         '\n';
}

core::Result<std::vector<RevocationEntry>> decode_revocations(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return refused("is no JSON object");
  if (json.size() != 2 || !json.contains("format") || !json.contains("revocations")) {
    return refused("needs 'format' and 'revocations', and nothing else");
  }
  if (json["format"] != kFormat) return refused("has a format that this version does not know");
  const Json& list = json["revocations"];
  if (!list.is_array() || list.size() > kMaxRevocations) {
    return refused("'revocations' is no list of at most " + std::to_string(kMaxRevocations) + " entries");
  }
  std::vector<RevocationEntry> entries;
  for (const Json& one : list) {
    auto entry = typed_entry(one, true);
    if (entry) entry = checked_entry(std::move(*entry));
    if (!entry) return refused("revocations[" + std::to_string(entries.size()) + "]: " + entry.error().detail);
    entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace gateway::gatewayd
