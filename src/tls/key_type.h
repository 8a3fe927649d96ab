#pragma once

#include <openssl/evp.h>

#include <string>

#include "core/result.h"

namespace gateway::tls {

// The type of a public or private key as TLS tells them apart, one server certificate each: "ECDSA", "RSA", "RSA-PSS",
// "Ed25519" or "Ed448". "" for any other (DSA, say), which can't sign a handshake here.
std::string key_type_of(const EVP_PKEY* key);

// Fails for a key that is too weak for a TLS server: RSA under 2048 bits, less than 112 bits of security.
core::Result<bool> check_key_strength(const EVP_PKEY* key);

}  // namespace gateway::tls
