#pragma once

#include <openssl/x509_vfy.h>

#include "core/peer_identity.h"

namespace gateway::tls {

// OpenSSL calls this for a full handshake's client chain (SSL_CTX_set_cert_verify_callback): limits, signatures, path
// and purpose by X509_verify_cert(), identity, then judge(). 1 with a VerifiedPeer in the connection's state; 0 with a
// reason there and the code of the fitting alert in `context`.
int verify_client_chain(X509_STORE_CTX* context, void*) noexcept;
// The listener's: no chain is good before a host was chosen.
int refuse_client_chain(X509_STORE_CTX* context, void*) noexcept;

// Verify callbacks. Times are tolerated while a path is built, which still prefers valid certificates: judge() decides
// on them.
int tolerate_times(int good, X509_STORE_CTX* context) noexcept;
int refuse_verify_step(int good, X509_STORE_CTX* context) noexcept;

// ChainElement::issuer_key of what `issuer` signs.
core::Sha256 issuer_key_of(const X509* issuer, const EVP_MD* sha256);

}  // namespace gateway::tls
