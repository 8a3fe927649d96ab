#pragma once

#include <openssl/x509.h>

#include "core/result.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// What is demanded of a client's certificates beyond what X509_verify_cert() looks at by default: RFC 5280's profile.
// Its X509_STRICT flag would also refuse the root that `openssl req -x509` makes (no key usage), so the rules that
// matter stand here one by one. Without TrustSet::strict_profile those are left that guard names and keys: purpose, key
// types and sizes, no extension twice, and constraints that no wildcard, common name or empty list gets around. `chain`
// is a verified one, leaf first, anchor last. Error: malformed_certificate, weak_key, wrong_purpose or name_constraint.
core::Result<bool> check_profile(const STACK_OF(X509) * chain, const TrustSet& trust, unsigned min_rsa_bits);

}  // namespace gateway::tls
