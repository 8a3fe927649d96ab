#pragma once

#include <openssl/x509.h>

#include "core/result.h"

namespace gateway::tls {

// Rules for the public keys of clients' certificates, beyond the 112 bits that the security level demands. All errors
// have side client.

// Before anything is verified: a certificate with a huge RSA key would cost us more than it costs who made it.
core::Result<bool> check_key_sizes(const STACK_OF(X509) * presented);

// Of one certificate in a verified chain: RSA of `min_rsa_bits` and up with an odd modulus and an exponent that makes
// signatures hard to forge, named curves of 256 bits and up, Ed25519 and Ed448 (and ML-DSA, where OpenSSL has it).
// `strict` also wants RSA exponents of 65537 and up (FIPS 186-5). Error: weak_key.
core::Result<bool> check_key(const X509* certificate, unsigned min_rsa_bits, bool strict);

}  // namespace gateway::tls
