#include "tls/library_version.h"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>

namespace gateway::tls {

std::string built_openssl_version() {
  return OPENSSL_VERSION_STR;
}
std::string running_openssl_version() {
  return OpenSSL_version(OPENSSL_VERSION_STRING);
}

}  // namespace gateway::tls
