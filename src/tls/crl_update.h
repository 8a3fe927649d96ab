#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "core/result.h"
#include "tls/crl_index.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// What a CRL must be to be taken from a network that nobody vouches for.
struct CrlUpdateRules {
  std::span<const Der> issuers;  // CA certificates whose keys are believed
  // Also one that none of them signed, since its name is of none of them: of an intermediate CA that only clients'
  // chains show. Only where an issuer without a CRL refuses: otherwise whoever can answer in the distributor's place
  // could bring some unsigned CRL, and the one that matters would be missing unnoticed.
  bool take_unproven = false;
  std::chrono::sys_seconds now{};
};

// Whether each CRL is signed by its issuer, or may be taken unproven. Error: which is not.
core::Result<bool> check_crl_issuers(const CrlFile& file, const CrlUpdateRules& rules);

struct CrlUpdate {
  std::chrono::sys_seconds next_update{};  // the first to come; max() if there is none
  std::size_t entries = 0;
};

// Whether `bytes` (as a CRL file: PEM with any number, or one DER) may take the place of `previous`: all of it can be
// applied, each CRL is signed by its issuer, none is of a time that is yet to come, none of `previous` is missing in it
// and none is older than there (thisUpdate, then CRL number: RFC 5280 section 5.2.3). What is no good in `previous`
// is not missed. Error: what is wrong. Any thread.
core::Result<CrlUpdate> check_crl_update(std::string_view bytes, std::optional<std::string_view> previous,
                                         const CrlUpdateRules& rules);

}  // namespace gateway::tls
