#pragma once

#include <optional>

#include "config/config.h"
#include "config/file_reader.h"
#include "core/peer_identity.h"

namespace gateway::config {

// Digest of all files that the certificates, keys and staples of a host are made of: as long as it is the same, there
// is no reason to make them again, which may run commands and open tokens. `host.tls` must be there.
core::Sha256 inputs_of(const VirtualHostConfig& host, const std::optional<Text>& token_module, FileReader& files);

}  // namespace gateway::config
