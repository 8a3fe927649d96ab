#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/host_name.h"
#include "tls/client_hello.h"
#include "tls/first_bytes.h"

// The extensions of a ClientHello that choose the virtual host and the protocol, straight from the network.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gateway;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto name = tls::parse_server_name(bytes)) {
    // One entry and exact lengths: the extension can be rebuilt from the name alone.
    const auto number = [](std::size_t n) {
      return std::string{static_cast<char>(n >> 8), static_cast<char>(n & 0xff)};
    };
    if (number(name->size() + 3) + '\0' + number(name->size()) + std::string(*name) != bytes) std::abort();
    const auto canonical = core::canonical_host_name(*name);
    if (canonical && core::canonical_host_name(*canonical) != canonical) std::abort();
  }
  if (const auto names = tls::parse_protocol_names(bytes)) {
    std::size_t total = 2;
    for (const std::string_view name : *names) total += 1 + name.size();
    if (total != size) std::abort();
  }
  if (tls::describe_supported_versions(bytes).size() > 128) std::abort();
  static_cast<void>(tls::classify_first_bytes(bytes.substr(0, tls::kFirstBytesNeeded)));
  return 0;
}
