#include "tls/crl_file.h"

#include <chrono>

#include "tls/asn1_values.h"
#include "tls/crl_der.h"
#include "tls/openssl_error.h"
#include "tls/pem_blocks.h"

namespace gateway::tls {
namespace {

std::unexpected<core::Error> unusable(std::string_view what) {
  return openssl_failure(what);
}

// RFC 5280 section 5.2.5. One for some reasons only, or with entries of other issuers, would need rules that we don't
// have: refused, not half-applied.
core::Result<bool> read_scope(const X509_CRL* crl, ParsedCrl& parsed) {
  int found = 0;
  const IssuingPointPtr point(
      static_cast<ISSUING_DIST_POINT*>(X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &found, nullptr)));
  if (!point)
    return found == -1 ? core::Result<bool>(true) : unusable("an issuingDistributionPoint that can't be read");
  if (point->indirectCRL > 0) return unusable("an indirect CRL");
  if (point->onlysomereasons != nullptr) return unusable("a CRL for some revocation reasons only");
  if (point->onlyattr > 0) return unusable("a CRL for attribute certificates");
  if (point->onlyuser > 0 && point->onlyCA > 0) return unusable("a CRL that covers no certificates");
  parsed.covers_end_entities = point->onlyCA <= 0;
  parsed.covers_cas = point->onlyuser <= 0;
  parsed.partitioned = true;
  return true;
}

core::Result<bool> check_extensions(const X509_CRL* crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i) {
    X509_EXTENSION* extension = X509_CRL_get_ext(crl, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (nid == NID_delta_crl) return unusable("a delta CRL, which lists changes only; give the complete one");
    // RFC 5280 section 5.2: of all extensions that a complete CRL may have only this one may be critical.
    const bool known = nid == NID_issuing_distribution_point;
    if (!known && X509_EXTENSION_get_critical(extension) != 0) return unusable("an unknown critical extension");
  }
  return true;
}

core::Result<bool> read_times(const X509_CRL* crl, CrlIndex::Info& info) {
  const auto this_update = time_of(X509_CRL_get0_lastUpdate(crl));
  if (!this_update) return unusable("no thisUpdate that can be read");
  info.this_update = *this_update;
  info.next_update = std::chrono::sys_seconds::max();
  if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl)) {
    const auto next_update = time_of(next);
    if (!next_update) return unusable("no nextUpdate that can be read");
    info.next_update = *next_update;
  }
  return true;
}

std::string number_of(const X509_CRL* crl) {
  const IntegerPtr number(static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  return number ? serial_bytes_of(number.get()) : std::string();
}

core::Result<ParsedCrl> parse_crl(std::string_view der) {
  const auto parts = split_crl(der);
  if (!parts) return unusable("not a CRL");
  const auto* at = reinterpret_cast<const unsigned char*>(parts->header.data());
  const auto* const end = at + parts->header.size();
  const CrlPtr crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(parts->header.size())));
  if (!crl || at != end) return unusable("not a CRL");
  TRY([[maybe_unused]] const bool known, check_extensions(crl.get()));
  ParsedCrl parsed;
  TRY([[maybe_unused]] const bool in_scope, read_scope(crl.get(), parsed));
  TRY([[maybe_unused]] const bool timed, read_times(crl.get(), parsed.info));
  auto revoked = read_crl_entries(parts->entries);
  if (!revoked) return unusable(revoked.error());
  parsed.revoked = std::move(*revoked);
  const X509_NAME* issuer = X509_CRL_get_issuer(crl.get());
  parsed.issuer.reset(X509_NAME_dup(issuer));
  if (!parsed.issuer) return unusable("no memory for a CRL");
  parsed.issuer_name_hash = canonical_name_hash(issuer);
  parsed.info.issuer = rfc4514_of(issuer);
  parsed.info.number = number_of(crl.get());
  parsed.info.entries = parsed.revoked.size();
  TRY(parsed.signature, CrlSignature::of(*parts, crl.get()));
  return parsed;
}

}  // namespace

core::Result<CrlFile> parse_crl_file(std::string_view bytes) {
  auto crls = std::make_shared<std::vector<ParsedCrl>>();
  if (!looks_like_pem(bytes)) {
    TRY(crls->emplace_back(), parse_crl(bytes));
    return crls;
  }
  TRY(const std::vector<PemBlock> blocks, parse_pem(bytes));
  for (const PemBlock& block : blocks) {
    if (block.label != "X509 CRL") continue;
    TRY(crls->emplace_back(), parse_crl(block.der));
  }
  if (crls->empty()) return unusable("no CRL among the PEM blocks");
  return crls;
}

unsigned long canonical_name_hash(const X509_NAME* name) {
  return X509_NAME_hash_ex(name, nullptr, nullptr, nullptr);
}

}  // namespace gateway::tls
