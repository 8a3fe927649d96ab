#pragma once

#include "tls/openssl_ptr.h"
#include "tls/trust_set.h"
#include "tls/worker_library.h"

namespace gateway::tls {

// A client that asks for it (RFC 6066 section 8, RFC 8446 section 4.4.2.1) gets the staple of the certificate that was
// chosen for it, if the worker has one that counts. Only looks at memory. `library` outlives the context.
void install_stapling(SSL_CTX* context, const WorkerLibrary& library);

// Whether `issuer`'s key signed `certificate`.
bool is_issued_by(const Der& certificate, const Der& issuer);

}  // namespace gateway::tls
