#include "version/components.h"

#include "tls/library_version.h"
#include "version/loaded_libraries.h"

namespace gateway::version {

std::vector<Component> components() {
  const auto files = loaded_libraries();
  // Only OpenSSL can be asked. The others are known by the file that is loaded.
  return {
      {"OpenSSL", tls::built_openssl_version(), tls::running_openssl_version(), {}},
      {"yaml-cpp", GATEWAY_YAML_CPP_VERSION, version_of("libyaml-cpp", files), {}},
      {"RE2", GATEWAY_RE2_VERSION, version_of("libre2", files), {}},
      {"fmt", GATEWAY_FMT_VERSION, version_of("libfmt", files), {}},
      {"nlohmann-json", GATEWAY_NLOHMANN_VERSION, {}, {}},
      {"CLI11", GATEWAY_CLI11_VERSION, {}, {}},
  };
}

}  // namespace gateway::version
