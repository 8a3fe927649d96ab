#pragma once

#include <openssl/x509.h>

#include "core/result.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// What is demanded of a client's certificates beyond what X509_verify_cert() looks at by default: RFC 5280's profile.
// Its X509_STRICT flag would also refuse the root that `openssl req -x509` makes (no key usage), so the rules that
// matter stand here one by one. Without TrustSet::strict_profile only two are left: no DSA keys, and no wildcard over
// an excluded name. `chain` is a verified one, leaf first, anchor last. Error: malformed_certificate, weak_key or
// name_constraint.
core::Result<bool> check_profile(const STACK_OF(X509) * chain, const TrustSet& trust);

}  // namespace gateway::tls
