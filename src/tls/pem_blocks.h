#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace gateway::tls {

struct PemBlock {
  std::string label;   // "CERTIFICATE"
  std::string header;  // "Proc-Type: 4,ENCRYPTED..." of a traditional encrypted key, mostly ""
  std::string der;     // wiped by the caller if it is secret
};

bool looks_like_pem(std::string_view bytes) noexcept;
// All blocks in order, whatever stands between them. Error: a block that is broken.
core::Result<std::vector<PemBlock>> parse_pem(std::string_view bytes);

}  // namespace gateway::tls
