#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "pki/certificate.h"
#include "pki/index_file.h"

namespace gateway::pki {

struct CrlSpec {
  std::uint64_t number = 0;
  std::chrono::sys_seconds this_update{};
  std::chrono::sys_seconds next_update{};
};

// A version 2 CRL (RFC 5280 section 5) in PEM with CRL number and AKI, of every revoked row. Needs the signer's
// certificate.
Result<std::string> sign_revocation_list(const CrlSpec& spec, std::span<const IndexRow> rows, const Signer& signer);

}  // namespace gateway::pki
