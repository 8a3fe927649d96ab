#include "tls/crl_update.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tls/asn1_values.h"
#include "tls/crl_file.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

// Clocks of CAs and gateways differ by less.
constexpr std::chrono::minutes kClockSkew{5};

std::unexpected<core::Error> refused(std::string what) {
  return core::fail(core::Reason::internal, core::Side::upstream, std::move(what));
}

// Whose a CRL is: of the key of one of the CA certificates, or else of a name only.
struct Owner {
  std::optional<std::size_t> issuer;
  unsigned long name_hash = 0;
  friend bool operator==(const Owner&, const Owner&) = default;
};

core::Result<Owner> owner_of(const ParsedCrl& crl, const std::vector<X509Ptr>& issuers, bool take_unproven) {
  bool named = false;
  for (std::size_t i = 0; i < issuers.size(); ++i) {
    if (X509_NAME_cmp(X509_get_subject_name(issuers[i].get()), crl.issuer.get()) != 0) continue;
    named = true;
    if (crl.signature.is_by(X509_get0_pubkey(issuers[i].get()), nullptr)) {
      return Owner{.issuer = i, .name_hash = crl.issuer_name_hash};
    }
  }
  if (named) return refused(fmt::format("its signature is not by the key of its issuer {}", crl.info.issuer));
  if (take_unproven) return Owner{.issuer = std::nullopt, .name_hash = crl.issuer_name_hash};
  return refused(
      fmt::format("its issuer {} is no CA of the trust set, so nothing proves that it is genuine", crl.info.issuer));
}

struct OwnedCrl {
  Owner owner;
  const ParsedCrl* crl = nullptr;
};

// The content bytes of a number that is not negative grow with it.
bool is_lower(const std::string& number, const std::string& than) {
  return number.size() != than.size() ? number.size() < than.size() : number < than;
}

bool is_older(const CrlIndex::Info& crl, const CrlIndex::Info& than) {
  return crl.this_update < than.this_update ||
         (crl.this_update == than.this_update && is_lower(crl.number, than.number));
}

core::Result<bool> check_against(const OwnedCrl& before, const std::vector<OwnedCrl>& offered) {
  const CrlIndex::Info* newest = nullptr;
  for (const OwnedCrl& one : offered) {
    if (one.owner != before.owner) continue;
    if (newest == nullptr || is_older(*newest, one.crl->info)) newest = &one.crl->info;
  }
  if (newest == nullptr) return refused(fmt::format("it has no CRL of {} any more", before.crl->info.issuer));
  if (is_older(*newest, before.crl->info)) {
    return refused(fmt::format("its CRL of {} is older than the one that is in use", before.crl->info.issuer));
  }
  return true;
}

core::Result<std::vector<X509Ptr>> parse_issuers(const CrlUpdateRules& rules) {
  std::vector<X509Ptr> issuers;
  for (const Der& der : rules.issuers) {
    issuers.push_back(parse_certificate(der, nullptr));
    if (!issuers.back()) return openssl_failure("a CA certificate can't be parsed");
  }
  return issuers;
}

}  // namespace

core::Result<bool> check_crl_issuers(const CrlFile& file, const CrlUpdateRules& rules) {
  TRY(const std::vector<X509Ptr> issuers, parse_issuers(rules));
  for (const ParsedCrl& crl : *file) {
    TRY([[maybe_unused]] const Owner owner, owner_of(crl, issuers, rules.take_unproven));
  }
  return true;
}

core::Result<CrlUpdate> check_crl_update(std::string_view bytes, std::optional<std::string_view> previous,
                                         const CrlUpdateRules& rules) {
  TRY(const std::vector<X509Ptr> issuers, parse_issuers(rules));
  TRY(const CrlFile file, parse_crl_file(bytes));
  CrlUpdate update{.next_update = std::chrono::sys_seconds::max(), .entries = 0};
  std::vector<OwnedCrl> offered;
  for (const ParsedCrl& crl : *file) {
    TRY(const Owner owner, owner_of(crl, issuers, rules.take_unproven));
    if (crl.info.this_update > rules.now + kClockSkew) {
      return refused(fmt::format("the CRL of {} is of a time that is yet to come", crl.info.issuer));
    }
    update.next_update = std::min(update.next_update, crl.info.next_update);
    update.entries += crl.info.entries;
    offered.push_back({.owner = owner, .crl = &crl});
  }
  if (!previous) return update;
  const auto before = parse_crl_file(*previous);
  if (!before) return update;
  for (const ParsedCrl& crl : **before) {
    const auto owner = owner_of(crl, issuers, rules.take_unproven);
    if (!owner) continue;
    TRY([[maybe_unused]] const bool newer, check_against({.owner = *owner, .crl = &crl}, offered));
  }
  return update;
}

}  // namespace gateway::tls
