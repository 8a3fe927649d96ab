#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tls/session_app_data.h"

// What a ticket carries is sealed by us, but its parser must stand any bytes: what it accepts is exactly what we would
// write.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto session = gateway::tls::decode_session(bytes);
  if (session && gateway::tls::encode_session(*session) != bytes) std::abort();
  return 0;
}
