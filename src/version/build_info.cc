#include "version/build_info.h"

namespace gateway::version {

std::string_view own_version() noexcept {
  return GATEWAY_VERSION;
}
std::string_view commit() noexcept {
  return GATEWAY_COMMIT;
}
std::string_view compiler() noexcept {
  return GATEWAY_COMPILER;
}
std::string_view build_type() noexcept {
  return GATEWAY_BUILD_TYPE;
}

}  // namespace gateway::version
