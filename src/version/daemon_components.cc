// Apart from components.cc, so that gatewayctl needs none of these libraries.
#include <llhttp.h>
#include <uv.h>

#include "version/components.h"
#include "version/loaded_libraries.h"

namespace gateway::version {
namespace {

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

#if LLHTTP_VERSION_MAJOR < 9
constexpr const char* kLlhttpMode = LLHTTP_STRICT_MODE ? "strict mode" : "NOT in strict mode";
#else
constexpr const char* kLlhttpMode = "always strict";
#endif

}  // namespace

std::vector<Component> daemon_components() {
  const auto files = loaded_libraries();
  auto all = components();
  all.push_back(
      {"libuv", dotted(UV_VERSION_MAJOR, UV_VERSION_MINOR, UV_VERSION_PATCH), std::string(uv_version_string()), {}});
  all.push_back({"llhttp", dotted(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH),
                 version_of("libllhttp", files), kLlhttpMode});
  all.push_back({"prometheus-cpp", GATEWAY_PROMETHEUS_VERSION, version_of("libprometheus-cpp-core", files), {}});
  return all;
}

}  // namespace gateway::version
