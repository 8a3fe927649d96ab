#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "core/secret.h"

namespace gateway::tls {

// A PKCS#11 URI (RFC 7512) that names private keys in a token.
struct TokenUri {
  std::string search;  // what to look for: private keys only, and no PIN
  std::string shown;   // as it was written, without what stands behind '?': for messages
  core::Secret pin;    // of `pin-value`; empty if there is none
};

// Whether `key` is such a URI and no path.
bool is_token_uri(std::string_view key) noexcept;

// `uri` without a PIN, whether it is well-formed or not.
std::string shown_token_uri(std::string_view uri);

// Errors: no URI, an attribute that RFC 7512 doesn't know, none that tells one key from another, and what our config
// says elsewhere (`pin-source`, `module-path`, `module-name`). They show no PIN.
core::Result<TokenUri> parse_token_uri(std::string_view uri);

}  // namespace gateway::tls
