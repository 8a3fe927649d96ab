#include "tls/crl_file.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "tls/asn1_values.h"
#include "tls/openssl_error.h"
#include "tls/pem_blocks.h"

namespace gateway::tls {
namespace {

std::unexpected<core::Error> unusable(std::string_view what) {
  return openssl_failure(what);
}

// RFC 5280 section 5.2.5. A CRL for one distribution point lists everything revoked there; one for some kinds of
// certificates or reasons, or with entries of other issuers, would need rules that we don't have: refused, not
// half-applied.
core::Result<bool> is_partitioned(const X509_CRL* crl) {
  int found = 0;
  const IssuingPointPtr point(
      static_cast<ISSUING_DIST_POINT*>(X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &found, nullptr)));
  if (!point)
    return found == -1 ? core::Result<bool>(false) : unusable("an issuingDistributionPoint that can't be read");
  if (point->indirectCRL > 0) return unusable("an indirect CRL");
  if (point->onlysomereasons != nullptr) return unusable("a CRL for some revocation reasons only");
  if (point->onlyattr > 0) return unusable("a CRL for attribute certificates");
  return true;
}

core::Result<bool> check_extensions(const X509_CRL* crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i) {
    X509_EXTENSION* extension = X509_CRL_get_ext(crl, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (nid == NID_delta_crl) return unusable("a delta CRL");
    // RFC 5280 section 5.2: of all extensions that a complete CRL may have only this one may be critical.
    const bool known = nid == NID_issuing_distribution_point;
    if (!known && X509_EXTENSION_get_critical(extension) != 0) return unusable("an unknown critical extension");
  }
  return true;
}

core::Result<bool> check_entry(const X509_REVOKED* entry) {
  for (int i = 0; i < X509_REVOKED_get_ext_count(entry); ++i) {
    X509_EXTENSION* extension = X509_REVOKED_get_ext(entry, i);
    if (X509_EXTENSION_get_critical(extension) == 0) continue;
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (nid != NID_crl_reason && nid != NID_invalidity_date)
      return unusable("an entry with an unknown critical extension");
  }
  return true;
}

core::Result<SerialSet> read_entries(X509_CRL* crl) {
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl);
  const int count = entries == nullptr ? 0 : sk_X509_REVOKED_num(entries);
  SerialSet revoked(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    TRY([[maybe_unused]] const bool known, check_entry(entry));
    if (!revoked.insert(serial_bytes_of(X509_REVOKED_get0_serialNumber(entry)))) return unusable("an overlong serial");
  }
  return revoked;
}

core::Result<ParsedCrl> parse_crl(Der der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  const CrlPtr crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (!crl || at != end) return unusable("not a CRL");
  TRY([[maybe_unused]] const bool known, check_extensions(crl.get()));
  ParsedCrl parsed;
  TRY(parsed.partitioned, is_partitioned(crl.get()));
  TRY(parsed.revoked, read_entries(crl.get()));
  const X509_NAME* issuer = X509_CRL_get_issuer(crl.get());
  parsed.issuer.reset(X509_NAME_dup(issuer));
  if (!parsed.issuer) return unusable("no memory for a CRL");
  parsed.issuer_name_hash = canonical_name_hash(issuer);
  parsed.info.issuer = rfc4514_of(issuer);
  parsed.info.entries = parsed.revoked.size();
  const auto this_update = time_of(X509_CRL_get0_lastUpdate(crl.get()));
  if (!this_update) return unusable("no thisUpdate that can be read");
  parsed.info.this_update = *this_update;
  parsed.info.next_update = std::chrono::sys_seconds::max();
  if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl.get())) {
    const auto next_update = time_of(next);
    if (!next_update) return unusable("no nextUpdate that can be read");
    parsed.info.next_update = *next_update;
  }
  parsed.der = std::move(der);
  return parsed;
}

}  // namespace

core::Result<std::vector<ParsedCrl>> parse_crl_file(std::string_view bytes) {
  std::vector<Der> ders;
  if (looks_like_pem(bytes)) {
    TRY(std::vector<PemBlock> blocks, parse_pem(bytes));
    for (PemBlock& block : blocks) {
      if (block.label == "X509 CRL") ders.push_back(std::move(block.der));
    }
    if (ders.empty()) return unusable("no CRL among the PEM blocks");
  } else {
    ders.emplace_back(bytes);
  }
  std::vector<ParsedCrl> crls;
  for (Der& der : ders) {
    TRY(crls.emplace_back(), parse_crl(std::move(der)));
  }
  return crls;
}

bool crl_signed_by(const Der& crl, EVP_PKEY* key, OSSL_LIB_CTX* library) {
  // CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue }, opened here rather than by
  // d2i_X509_CRL(): that would build an object for each of a million entries once more.
  const auto* at = reinterpret_cast<const unsigned char*>(crl.data());
  const auto* const end = at + crl.size();
  long size = 0;
  int tag = 0;
  int tag_class = 0;
  if ((ASN1_get_object(&at, &size, &tag, &tag_class, static_cast<long>(crl.size())) & 0x80) != 0 ||
      tag != V_ASN1_SEQUENCE) {
    ERR_clear_error();
    return false;
  }
  const Asn1TypePtr content(d2i_ASN1_TYPE(nullptr, &at, end - at));
  const AlgorithmPtr algorithm(content ? d2i_X509_ALGOR(nullptr, &at, end - at) : nullptr);
  const BitStringPtr signature(algorithm ? d2i_ASN1_BIT_STRING(nullptr, &at, end - at) : nullptr);
  const bool good = signature && key != nullptr &&
                    ASN1_item_verify_ex(ASN1_ITEM_rptr(ASN1_ANY), algorithm.get(), signature.get(), content.get(),
                                        nullptr, key, library, nullptr) == 1;
  ERR_clear_error();
  return good;
}

unsigned long canonical_name_hash(const X509_NAME* name) {
  return X509_NAME_hash_ex(name, nullptr, nullptr, nullptr);
}

}  // namespace gateway::tls
