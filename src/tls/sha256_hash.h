#pragma once

#include <cstddef>
#include <cstring>

#include "core/peer_identity.h"

namespace gateway::tls {

// For hash tables by digest: its bytes are as good as random already, and nobody can choose them.
struct Sha256Hash {
  std::size_t operator()(const core::Sha256& digest) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

}  // namespace gateway::tls
