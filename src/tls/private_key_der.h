#pragma once

#include <openssl/types.h>

#include <string_view>

#include "tls/openssl_ptr.h"

namespace gateway::tls {

// A private key that is not encrypted: PKCS#8 or a traditional form, DER, all of `der`. Null if it is none. Leaves no
// OpenSSL errors behind. `library` may be null: the default one.
PkeyPtr decode_private_key(std::string_view der, OSSL_LIB_CTX* library);

}  // namespace gateway::tls
