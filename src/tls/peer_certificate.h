#pragma once

#include <openssl/x509.h>

#include "core/peer_identity.h"
#include "core/result.h"

namespace gateway::tls {

// The identity that a leaf certificate states. Only for a certificate that verified: nothing is judged here but whether
// its names can be read in one way. Error: malformed_certificate (a NUL or control byte in a name, a bad or doubled
// SAN, ...). `sha256` is a fetched digest.
core::Result<core::PeerIdentity> identity_of(const X509* leaf, const EVP_MD* sha256);

}  // namespace gateway::tls
