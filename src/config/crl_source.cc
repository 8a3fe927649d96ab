#include "config/crl_source.h"

#include <fmt/format.h>

#include "tls/digest.h"

namespace gateway::config {

std::string crl_file_name(const core::HttpUrl& url) {
  std::string name = "crl/";
  for (const std::uint8_t byte : tls::sha256({url.text()})) name += fmt::format("{:02x}", byte);
  return name + ".crl";
}

}  // namespace gateway::config
