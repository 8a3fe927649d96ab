#pragma once

#include <openssl/x509.h>

#include "core/result.h"

namespace gateway::tls {

// RFC 5280 section 4.2: no extension twice, whoever waived what. With `strict` each extension that OpenSSL knows must
// also parse to its last byte, and one that must be critical be it. Error: malformed_certificate.
core::Result<bool> check_extensions(const X509* certificate, bool strict);

}  // namespace gateway::tls
