#pragma once

#include <openssl/ssl.h>

namespace gateway::tls {

class SessionCache;

// Installs the callbacks that take a host's sessions to `cache` and look them up there, if the host's sessions are kept
// in the process. `cache` outlives the context. False: OpenSSL has no memory.
bool install_session_cache(SSL_CTX* context, SessionCache& cache);

}  // namespace gateway::tls
