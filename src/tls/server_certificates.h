#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <vector>

#include "core/result.h"
#include "tls/host_options.h"
#include "tls/token_key.h"

namespace gateway::tls {

// Gives `context` every certificate of `options` with its chain and key, parsed in `library`. OpenSSL keeps one for
// each type of key and shows, per handshake, the one that fits the client's signature algorithms (RFC 8446
// section 4.4.2.2; in TLS 1.2 its cipher suites, too). Error: none at all, two of one key type, a key that is not its
// certificate's, or one that its token does not give. The result is what must outlive the context: the keys that are in
// tokens, opened for it alone.
core::Result<std::vector<std::shared_ptr<const OpenedTokenKey>>> use_certificates(SSL_CTX* context,
                                                                                  const HostOptions& options,
                                                                                  OSSL_LIB_CTX* library);

}  // namespace gateway::tls
