#pragma once

#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

#include "core/peer_identity.h"
#include "core/result.h"
#include "tls/crl_index.h"

namespace gateway::tls {

// Parsed CRL files by the digest of their bytes: one that many trust sets name, or that a reload finds unchanged, is
// parsed once and held once. Keeps nothing alive itself: what nobody uses any more is gone. For one thread.
class CrlCache {
 public:
  // Error: as parse_crl_file(), tls/crl_file.h.
  core::Result<CrlFile> parse(std::string_view bytes);

  // How many were not at hand.
  [[nodiscard]] std::size_t parsed() const { return parsed_; }

 private:
  std::map<core::Sha256, std::weak_ptr<const std::vector<ParsedCrl>>> files_;
  std::size_t parsed_ = 0;
};

}  // namespace gateway::tls
