#pragma once

#include <openssl/x509_vfy.h>

#include <chrono>

#include "core/result.h"
#include "tls/known_issuers.h"
#include "tls/openssl_ptr.h"

namespace gateway::tls {

// A path from the leaf of `context` to an anchor of its store, verified by X509_verify_cert() at `now`: leaf first.
// That function takes the first issuer that fits and never goes back, so where the client sent several certificates of
// one CA the other ones are tried as well, a bounded number of times. Each path stands on its own: nothing of one that
// failed counts for another. `issuers` spares signatures that were checked before. Error: why the first one failed.
core::Result<CertificateStackPtr> find_path(X509_STORE_CTX* context, std::chrono::sys_seconds now,
                                            OSSL_LIB_CTX* library, KnownIssuers& issuers);

}  // namespace gateway::tls
