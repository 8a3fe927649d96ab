#include "pki/alt_names.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "core/host_name.h"
#include "core/ip_address.h"

namespace gateway::pki {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_visible_ascii(char c) {
  return c > ' ' && c < '\x7f';
}

std::unexpected<Error> bad_name(std::string_view kind, std::string_view value, std::string_view expected) {
  return refuse(fmt::format("'{}' is no {}: expected {}", value, kind, expected));
}

// A host name in canonical form; an address would have come back unchanged, but a DNS name it is not.
std::optional<std::string> dns_name(std::string_view text) {
  if (core::IpAddress::parse(text) || text.starts_with('[')) return std::nullopt;
  return core::canonical_host_name(text);
}

Result<Done> push_string(GENERAL_NAMES* names, int type, std::string_view value) {
  GeneralNamePtr name(GENERAL_NAME_new());
  Ia5StringPtr text(ASN1_IA5STRING_new());
  if (!name || !text || ASN1_STRING_set(text.get(), value.data(), static_cast<int>(value.size())) != 1) {
    return openssl_failure("cannot build a subject alternative name");
  }
  GENERAL_NAME_set0_value(name.get(), type, text.release());
  if (sk_GENERAL_NAME_push(names, name.get()) <= 0) return openssl_failure("cannot build a subject alternative name");
  std::ignore = name.release();
  return Done{};
}

Result<Done> push_dns(GENERAL_NAMES* names, const std::string& value) {
  const bool wildcard = value.starts_with("*.");
  const auto host = dns_name(wildcard ? std::string_view(value).substr(2) : value);
  if (!host) return bad_name("DNS name", value, "letters, digits, '-' and dots, or '*.' before a name");
  return push_string(names, GEN_DNS, wildcard ? "*." + *host : *host);
}

Result<Done> push_uri(GENERAL_NAMES* names, const std::string& value) {
  const std::size_t colon = value.find(':');
  const std::string_view scheme = std::string_view(value).substr(0, colon);
  const bool scheme_ok = colon != std::string::npos && !scheme.empty() && is_letter(scheme.front()) &&
                         std::ranges::all_of(scheme, [](char c) {
                           return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
                         });
  if (!scheme_ok || colon + 1 == value.size() || !std::ranges::all_of(value, is_visible_ascii)) {
    return bad_name("URI", value, "scheme:rest in visible ASCII, such as spiffe://example.org/service");
  }
  return push_string(names, GEN_URI, value);
}

Result<Done> push_email(GENERAL_NAMES* names, const std::string& value) {
  const std::size_t at = value.find('@');
  if (at == std::string::npos || at == 0 || !std::ranges::all_of(value, is_visible_ascii) ||
      !dns_name(std::string_view(value).substr(at + 1))) {
    return bad_name("e-mail address", value, "name@host in visible ASCII");
  }
  return push_string(names, GEN_EMAIL, value);
}

Result<Done> push_ip(GENERAL_NAMES* names, const std::string& value) {
  const auto address = core::IpAddress::parse(value);
  if (!address) return bad_name("IP address", value, "one such as 192.0.2.1 or 2001:db8::1");
  GeneralNamePtr name(GENERAL_NAME_new());
  OctetStringPtr bytes(ASN1_OCTET_STRING_new());
  const int length = address->is_v6() ? 16 : 4;
  if (!name || !bytes || ASN1_OCTET_STRING_set(bytes.get(), address->bytes().data(), length) != 1) {
    return openssl_failure("cannot build a subject alternative name");
  }
  GENERAL_NAME_set0_value(name.get(), GEN_IPADD, bytes.release());
  if (sk_GENERAL_NAME_push(names, name.get()) <= 0) return openssl_failure("cannot build a subject alternative name");
  std::ignore = name.release();
  return Done{};
}

}  // namespace

Result<GeneralNamesPtr> build_alt_names(const AltNames& names) {
  GeneralNamesPtr built(GENERAL_NAMES_new());
  if (!built) return openssl_failure("cannot build subject alternative names");
  for (const std::string& value : names.dns) {
    TRY(std::ignore, push_dns(built.get(), value));
  }
  for (const std::string& value : names.uris) {
    TRY(std::ignore, push_uri(built.get(), value));
  }
  for (const std::string& value : names.emails) {
    TRY(std::ignore, push_email(built.get(), value));
  }
  for (const std::string& value : names.ips) {
    TRY(std::ignore, push_ip(built.get(), value));
  }
  return built;
}

AltNames alt_names_from(std::string_view common_name) {
  AltNames names;
  if (core::IpAddress::parse(common_name)) {
    names.ips.emplace_back(common_name);
  } else if (dns_name(common_name.starts_with("*.") ? common_name.substr(2) : common_name)) {
    names.dns.emplace_back(common_name);
  }
  return names;
}

}  // namespace gateway::pki
