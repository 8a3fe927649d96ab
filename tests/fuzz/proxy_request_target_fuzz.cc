// A normalised path stays as it is when it is normalised again, and holds nothing that an upstream could resolve
// further.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/request_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gateway::proxy;
  const std::string_view target(reinterpret_cast<const char*>(data), size);
  for (const std::string_view method : {"GET", "OPTIONS"}) {
    for (const bool merge_slashes : {true, false}) {
      const auto once = parse_request_target(method, target, merge_slashes);
      if (!once || once->asterisk) continue;
      const auto twice = parse_request_target(method, once->path + once->query, merge_slashes);
      if (!twice || twice->path != once->path || twice->query != once->query) std::abort();
      const std::string framed = once->path + "/";
      if (!framed.starts_with('/') || framed.find("/../") != std::string::npos ||
          framed.find("/./") != std::string::npos)
        std::abort();
      for (const char c : once->path + once->query) {
        if (c <= ' ' || c > '~') std::abort();
      }
    }
  }
  return 0;
}
