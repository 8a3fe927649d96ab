#include "gatewayctl/version_command.h"

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include <nlohmann/json.hpp>

namespace gateway::ctl {

ExitCode print_version(const Output& output) {
  const char* running = OpenSSL_version(OPENSSL_VERSION);
  if (output.json) {
    print_json(output,
               {{"version", GATEWAY_VERSION}, {"openssl", {{"built", OPENSSL_VERSION_TEXT}, {"running", running}}}});
  } else {
    output.out << fmt::format("gatewayctl {}\n{} (built with {})\n", GATEWAY_VERSION, running, OPENSSL_VERSION_TEXT);
  }
  return ExitCode::done;
}

}  // namespace gateway::ctl
