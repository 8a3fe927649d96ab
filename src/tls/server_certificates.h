#pragma once

#include <openssl/ssl.h>

#include "core/result.h"
#include "tls/host_options.h"

namespace gateway::tls {

// Gives `context` every certificate of `options` with its chain and key, parsed in `library`. OpenSSL keeps one for
// each type of key and shows, per handshake, the one that fits the client's signature algorithms (RFC 8446
// section 4.4.2.2; in TLS 1.2 its cipher suites, too). Error: none at all, two of one key type, or a key that is not
// its certificate's.
core::Result<bool> use_certificates(SSL_CTX* context, const HostOptions& options, OSSL_LIB_CTX* library);

}  // namespace gateway::tls
