#pragma once

#include <string_view>

#include "core/result.h"
#include "core/secret.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// All functions work on bytes that the caller has read; they touch no file and ask nobody for a passphrase. Errors have
// side gateway, say what was found, and never show a secret. Control thread: opening an encrypted key is slow on
// purpose.

// PEM's own bound (a longer one can't open a traditional key).
inline constexpr std::size_t kMaxPassphraseBytes = 1024;

struct PrivateKey {
  core::Secret der;  // PKCS#8, not encrypted, whatever form the file has
  bool was_encrypted = false;
};

// PEM or DER, PKCS#8 or traditional; encrypted as PKCS#8 (RFC 5958 section 3) or in PEM's own way (RFC 1421 section
// 4.6.1.1, as OpenSSL writes it). `passphrase` may be null: then an encrypted key is an error that says so.
core::Result<PrivateKey> parse_private_key(std::string_view bytes, const core::Secret* passphrase);

// Fails if `private_key` is not the one of `certificate`, or is too weak for TLS (RSA under 2048 bits).
core::Result<bool> check_key_matches(const Der& certificate, const core::Secret& private_key);

}  // namespace gateway::tls
