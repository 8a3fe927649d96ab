#include "tls/token_uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gateway::tls {
namespace {

constexpr std::string_view kScheme = "pkcs11:";
// RFC 7512 section 2.3.
constexpr std::array<std::string_view, 13> kPathAttributes{"token",
                                                           "manufacturer",
                                                           "serial",
                                                           "model",
                                                           "library-manufacturer",
                                                           "library-version",
                                                           "library-description",
                                                           "object",
                                                           "type",
                                                           "id",
                                                           "slot-manufacturer",
                                                           "slot-description",
                                                           "slot-id"};

std::unexpected<core::Error> failure(std::string what) {
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(what));
}

// Takes the text up to `separator` off the front of `rest`.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_plain(char c) {
  return c > 0x20 && c < 0x7f;
}

bool is_encoded(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_plain(text[i])) return false;
    if (text[i] != '%') continue;
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return false;
    i += 2;
  }
  return true;
}

core::Secret decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%';
    out += escape ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  core::Secret secret(out);
  core::wipe(out.data(), out.size());
  return secret;
}

core::Result<bool> read_query(std::string_view query, TokenUri& uri) {
  while (!query.empty()) {
    std::string_view value = next_part(query, '&');
    const std::string_view name = next_part(value, '=');
    if (name == "pin-value") {
      uri.pin = decoded(value);
    } else if (name == "pin-source") {
      return failure("'pin-source' in a key's URI: name the file in 'passphrase: {file: PATH}'");
    } else if (name == "module-path" || name == "module-name") {
      return failure(
          fmt::format("'{}' in a key's URI: name the module at the top level, 'pkcs11: {{module: PATH}}'", name));
    } else {
      return failure("a key's URI has an unknown attribute behind '?'");
    }
  }
  return true;
}

}  // namespace

bool is_token_uri(std::string_view key) noexcept {
  // Schemes have no case (RFC 3986 section 3.1).
  return key.size() >= kScheme.size() && std::ranges::equal(key.substr(0, kScheme.size()), kScheme, [](char a, char b) {
           return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
         });
}

std::string shown_token_uri(std::string_view uri) {
  return std::string(uri.substr(0, uri.find('?')));
}

core::Result<TokenUri> parse_token_uri(std::string_view uri) {
  if (!is_token_uri(uri)) return failure("a key's URI begins with 'pkcs11:'");
  if (!is_encoded(uri)) return failure("a key's URI has spaces, control bytes or a broken %XX");
  TokenUri parsed;
  parsed.shown = shown_token_uri(uri);
  parsed.search = kScheme;
  std::string_view rest = uri.substr(kScheme.size());
  std::string_view path = next_part(rest, '?');
  bool names_a_key = false;
  bool has_type = false;
  while (!path.empty()) {
    const std::string_view attribute = next_part(path, ';');
    std::string_view value = attribute;
    const std::string_view name = next_part(value, '=');
    if (std::ranges::find(kPathAttributes, name) == kPathAttributes.end()) {
      return failure(fmt::format("a key's URI has the unknown attribute '{}'", name));
    }
    if (name == "type" && value != "private") return failure("a key's URI names something else: 'type' is 'private'");
    names_a_key = names_a_key || name == "object" || name == "id";
    has_type = has_type || name == "type";
    parsed.search.append(attribute).append(";");
  }
  if (!names_a_key) return failure("a key's URI names no key: it needs 'object' or 'id'");
  // Else the public key of the same name would be found as well, which can't sign.
  if (has_type) {
    parsed.search.pop_back();
  } else {
    parsed.search += "type=private";
  }
  if (auto read = read_query(rest, parsed); !read) return std::unexpected(std::move(read.error()));
  return parsed;
}

}  // namespace gateway::tls
