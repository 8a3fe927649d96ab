#include "policy/pattern.h"

#include <algorithm>
#include <optional>

#include "core/host_name.h"
#include "policy/canonical_value.h"
#include "policy/matcher.h"
#include "policy/regex_set.h"

namespace gateway::policy {
namespace {

using Parsed = std::expected<Pattern, std::string>;

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kMaxSerialDigits = 64;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";
constexpr const char* kNoWildcard =
    "'*' is no wildcard here: only dns_san, host, email_san, uri_san and path take one; '~' starts a regular "
    "expression "
    "that must match the whole value";

std::unexpected<std::string> refuse(std::string why) {
  return std::unexpected(std::move(why));
}
Pattern exact(std::string_view text) {
  return {.form = Form::exact, .text = std::string(text)};
}

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

char upper_hex(char c) {
  return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
}
std::size_t hex_value(char c) {
  return kHexDigits.find(upper_hex(c));
}  // npos if it is none

// Upper-case digits without the colons, which may stand between bytes only.
std::optional<std::string> hex_digits(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') {
      const bool between_bytes = i >= 2 && i + 2 < text.size() && text[i - 1] != ':' && digits.size() % 2 == 0;
      if (!between_bytes) return std::nullopt;
      continue;
    }
    if (hex_value(text[i]) == std::string_view::npos) return std::nullopt;
    digits += upper_hex(text[i]);
  }
  return digits;
}

Parsed parse_name(std::string_view written) {
  if (written.contains('*')) return refuse(kNoWildcard);
  return exact(written);
}

std::optional<std::string> dns_name(std::string_view text) {
  return text.starts_with('[') ? std::nullopt : core::canonical_host_name(text);
}

constexpr const char* kNoDnsName =
    "is no host name: letters, digits, '-' and '_' in labels, no port; internationalised names in their xn-- form";

Parsed parse_dns(Matcher matcher, std::string_view written) {
  const bool wildcard = written.starts_with("*.");
  if (wildcard) written.remove_prefix(2);
  if (written.contains('*')) return refuse("'*' may only be the whole leftmost label, as in \"*.partner.example\"");
  if (wildcard) {
    auto name = dns_name(written);
    if (!name) return refuse(kNoDnsName);
    return Pattern{.form = Form::label_wildcard, .text = std::move(*name)};
  }
  if (matcher == Matcher::dns_san && (written.starts_with('[') || core::IpAddress::parse(written))) {
    return refuse("is an address: use ip_san");
  }
  const auto name = core::canonical_host_name(written);
  if (!name) return refuse(kNoDnsName);
  return exact(*name);
}

Parsed parse_email(std::string_view written) {
  const auto at = written.rfind('@');
  if (at == std::string_view::npos || at == 0) return refuse("is no address such as \"ops@partner.example\"");
  const std::string_view mailbox = written.substr(0, at);
  if (written.contains('*') && (mailbox != "*" || written.rfind('*') != 0)) {
    return refuse("'*' may only be the whole mailbox, as in \"*@partner.example\"");
  }
  const auto domain = dns_name(written.substr(at + 1));
  if (!domain) return refuse(std::string("its domain ") + kNoDnsName);
  if (mailbox == "*") return Pattern{.form = Form::any_mailbox, .text = *domain};
  return exact(std::string(mailbox) + "@" + *domain);
}

// Where the scheme and its colon end (RFC 3986 section 3.1); 0 if there is none.
std::size_t scheme_end(std::string_view uri) {
  const auto colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0 || !(is_upper(uri[0]) || is_lower(uri[0]))) return 0;
  const auto is_scheme_byte = [](char c) {
    return is_upper(c) || is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  };
  return std::ranges::all_of(uri.substr(0, colon), is_scheme_byte) ? colon + 1 : 0;
}

Parsed parse_uri(std::string_view written) {
  const auto star = written.find('*');
  if (star != std::string_view::npos && star + 1 != written.size()) {
    return refuse("'*' may only stand at the end of a URI, as in \"spiffe://corp.example/batch/*\"");
  }
  const auto behind_scheme = scheme_end(written);
  if (behind_scheme == 0) return refuse("is no absolute URI: it begins with no scheme such as \"spiffe:\"");
  if (!std::ranges::all_of(written, is_ascii) || written.contains(' ')) {
    return refuse("a URI has neither spaces nor bytes beyond ASCII: write them percent-encoded");
  }
  if (star == std::string_view::npos) return exact(written);
  const std::string_view prefix = written.substr(0, star);
  const std::string_view rest = prefix.substr(behind_scheme);
  if (rest.starts_with("//") && rest.size() > 2 && rest.find_first_of("/?#", 2) == std::string_view::npos) {
    return refuse("would match other hosts that begin alike: put a '/' between the host and the '*'");
  }
  return Pattern{.form = Form::prefix, .text = std::string(prefix)};
}

Parsed parse_network(std::string_view written) {
  const auto network = core::Cidr::parse(written);
  if (!network) return refuse("is no address or network such as 10.0.0.0/8 (all bits behind the prefix zero)");
  return Pattern{.form = Form::network, .text = {}, .network = *network};
}

Parsed parse_serial(std::string_view written) {
  const auto digits = hex_digits(written);
  if (!digits || digits->size() > kMaxSerialDigits) return refuse("is no serial number in hex, as openssl prints it");
  return exact(CanonicalValue(Matcher::serial, *digits).view());
}

Parsed parse_fingerprint(std::string_view written) {
  const bool key = written.starts_with("spki-sha256:");
  if (!key && !written.starts_with("sha256:")) {
    return refuse("begins with neither \"sha256:\" (of the certificate) nor \"spki-sha256:\" (of its key)");
  }
  const auto digits = hex_digits(written.substr(written.find(':') + 1));
  if (!digits || digits->size() != 2 * kDigestBytes) return refuse("SHA-256 has 64 hex digits");
  std::string text(1, key ? kKeyDigestTag : kCertificateDigestTag);
  for (std::size_t i = 0; i < digits->size(); i += 2) {
    text += static_cast<char>(hex_value((*digits)[i]) << 4 | hex_value((*digits)[i + 1]));
  }
  return exact(text);
}

Parsed parse_method(std::string_view written) {
  if (written.contains('*')) return refuse(kNoWildcard);
  // The token of RFC 9110 section 5.6.2.
  const auto is_token_byte = [](char c) {
    return is_upper(c) || is_digit(c) || std::string_view("!#$%&'+-.^_`|~").contains(c);
  };
  if (!std::ranges::all_of(written, is_token_byte))
    return refuse("is no method: they are written in capitals, as in GET");
  return exact(written);
}

bool is_unreserved(char c) {
  return is_upper(c) || is_lower(c) || is_digit(c) || std::string_view("-._~").contains(c);
}

// What stands unescaped in a path (RFC 3986 section 3.3), and the '%' of the escapes.
bool is_path_byte(char c) {
  return is_unreserved(c) || std::string_view("!$&'()*+,;=:@/%").contains(c);
}

bool has_dot_segment(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") return true;
    begin = end + 1;
  }
  return false;
}

// Brings escapes to capitals (RFC 3986 section 6.2.2.1). Fails on those that no normalised path has: of characters that
// need none, and of those for which the request is refused.
std::optional<std::string> normal_escapes(std::string_view path) {
  std::string text(path);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_value(text[i + 1]);
    const auto low = hex_value(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    const auto byte = static_cast<char>(high << 4 | low);
    if (is_unreserved(byte) || is_control(byte) || byte == '\\') return std::nullopt;
    text[i + 1] = kHexDigits[high];
    text[i + 2] = kHexDigits[low];
    i += 2;
  }
  return text;
}

Parsed parse_path(std::string_view written) {
  if (!written.starts_with('/')) return refuse("a path begins with '/'");
  const bool below = written.ends_with("/*");
  if (below) written.remove_suffix(2);
  if (written.contains('*')) return refuse("'*' may only be the whole last segment of a path, as in \"/v1/reports/*\"");
  if (!std::ranges::all_of(written, is_path_byte)) {
    return refuse(
        "is compared with the path alone, without a query; what RFC 3986 has no place for is percent-encoded");
  }
  if (has_dot_segment(written)) return refuse("paths are compared without \".\" and \"..\" segments");
  auto text = normal_escapes(written);
  if (!text) {
    return refuse("has a bad escape, one of a control byte or '\\', or one of a letter, digit, '-', '.', '_' or '~'");
  }
  return Pattern{.form = below ? Form::segment_prefix : Form::exact, .text = std::move(*text)};
}

Parsed parse_regex(Matcher matcher, std::string_view expression) {
  if (expression.empty()) return refuse("there is no expression behind the '~'");
  if (!is_utf8_kind(matcher) && !std::ranges::all_of(expression, is_ascii)) {
    return refuse("values of this kind are ASCII: write other characters as they are encoded there");
  }
  if (auto error = regex_error(matcher, expression)) return refuse("bad regular expression: " + *error);
  return Pattern{.form = Form::regex, .text = std::string(expression)};
}

Parsed parse(Matcher matcher, std::string_view written) {
  if (written.empty()) return refuse("an empty pattern matches nothing");
  if (written.size() > kMaxPatternBytes) return refuse("is longer than " + std::to_string(kMaxPatternBytes) + " bytes");
  if (std::ranges::any_of(written, is_control)) return refuse("has a control byte, which no value can have");
  if (written.starts_with('~')) {
    if (takes_regex(matcher)) return parse_regex(matcher, written.substr(1));
    return refuse("this matcher takes no regular expression");
  }
  switch (matcher) {
    case Matcher::cn:
    case Matcher::ou:
    case Matcher::o:
    case Matcher::issuer_cn:
      return parse_name(written);
    case Matcher::dns_san:
    case Matcher::host:
      return parse_dns(matcher, written);
    case Matcher::uri_san:
      return parse_uri(written);
    case Matcher::email_san:
      return parse_email(written);
    case Matcher::ip_san:
    case Matcher::source_ip:
      return parse_network(written);
    case Matcher::serial:
      return parse_serial(written);
    case Matcher::fingerprint:
      return parse_fingerprint(written);
    case Matcher::authenticated:
      if (written != "true" && written != "false") return refuse("is neither true nor false");
      return exact(written);
    case Matcher::method:
      return parse_method(written);
    case Matcher::path:
      return parse_path(written);
  }
  return refuse("unknown matcher");
}

// For a message: what is written, shortened and free of bytes that would garble a terminal or a log.
std::string in_quotes(std::string_view written) {
  constexpr std::size_t kShown = 80;
  std::string text(written.substr(0, kShown));
  std::ranges::replace_if(text, is_control, '?');
  return "\"" + text + (written.size() > kShown ? "...\"" : "\"");
}

}  // namespace

std::expected<Pattern, std::string> parse_pattern(Matcher matcher, std::string_view written) {
  auto pattern = parse(matcher, written);
  if (!pattern) return refuse(std::string(to_string(matcher)) + " " + in_quotes(written) + ": " + pattern.error());
  return pattern;
}

}  // namespace gateway::policy
