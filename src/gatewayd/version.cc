#include "gatewayd/version.h"

#include <llhttp.h>
#include <uv.h>

#include "tls/library_version.h"

namespace gateway::gatewayd {

std::string own_version() {
  return GATEWAY_VERSION;
}
std::string openssl_version() {
  return tls::running_openssl_version();
}

std::vector<std::pair<std::string, std::string>> component_versions() {
  std::string llhttp = std::to_string(LLHTTP_VERSION_MAJOR) + '.' + std::to_string(LLHTTP_VERSION_MINOR) + '.' +
                       std::to_string(LLHTTP_VERSION_PATCH);
#if LLHTTP_VERSION_MAJOR < 9
  llhttp += LLHTTP_STRICT_MODE ? " (strict mode)" : " (NOT in strict mode)";
#else
  llhttp += " (always strict)";
#endif
  return {
      {"gatewayd", own_version()},
      {"OpenSSL", openssl_version() + " (built with " + tls::built_openssl_version() + ')'},
      {"libuv", uv_version_string()},
      {"llhttp", llhttp},
      {"yaml-cpp", GATEWAY_YAML_CPP_VERSION},
  };
}

}  // namespace gateway::gatewayd
