#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/ip_address.h"
#include "policy/policy_spec.h"

namespace gateway::policy {

inline constexpr std::size_t kMaxPatternBytes = 4096;

// How a pattern of the config is compared with a value (in its canonical form: canonical_value.h).
enum class Form : std::uint8_t {
  exact,           // the value is `text`
  label_wildcard,  // "*.partner.example": one label, a dot and `text`
  any_mailbox,     // "*@partner.example": something, '@' and `text`
  prefix,          // "spiffe://corp.example/batch/*": `text` and something behind it
  segment_prefix,  // "/v1/reports/*": `text`, or `text` and whatever follows from a slash on
  network,         // the address lies in `network`
  regex,           // the RE2 expression `text` matches the whole value
};

struct Pattern {
  Form form{};
  std::string text;
  core::Cidr network{};
};

// Reads a pattern as it stands in the config. Strict: what could be taken for something else than it is (a '*' where
// none is a wildcard, a path that no normalised path equals, a method in lower-case) is refused, since in a deny rule
// it would silently match nothing. The error is for people and names the matcher and the pattern.
// - cn, ou, o, issuer_cn, method: exact, with case, or "~" and an expression.
// - dns_san, host: a name without case, "*." before a name for exactly one label, or "~" and an expression, without
// case.
// - email_san: an address, "*@" before a domain for any of its mailboxes, or "~"; the domain is compared without case.
// - uri_san: an absolute URI with case; '*' at its end stands for one byte or more; or "~".
// - path: as forwarded; "/*" at its end stands for the path before it and all below; or "~".
// - ip_san, source_ip: an address or a network in CIDR notation.
// - serial: hex in any case, colons and leading zeros as you like.
// - fingerprint: "sha256:" (certificate) or "spki-sha256:" (its key) and 64 hex digits in any case, with or without
// colons.
// - authenticated: true or false.
std::expected<Pattern, std::string> parse_pattern(Matcher matcher, std::string_view written);

// The text that a fingerprint pattern has, made of the 32 bytes of a digest: the two kinds never equal each other.
inline constexpr char kCertificateDigestTag = 'c';
inline constexpr char kKeyDigestTag = 'k';

}  // namespace gateway::policy
