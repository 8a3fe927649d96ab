#pragma once

#include <openssl/x509.h>

#include "core/result.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// What RFC 5280 demands of a client's certificates beyond what X509_verify_cert() looks at by default. Its X509_STRICT
// flag would also refuse the root that `openssl req -x509` makes (no key usage), so the rules that matter stand here
// one by one. `chain` is a verified one, leaf first, anchor last. Error: malformed_certificate or name_constraint, with
// the rule broken.
core::Result<bool> check_profile(const STACK_OF(X509) * chain, const TrustSet& trust);

}  // namespace gateway::tls
