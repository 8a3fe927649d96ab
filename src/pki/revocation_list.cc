#include "pki/revocation_list.h"

#include <openssl/pem.h>

#include <tuple>

#include "pki/private_key.h"

namespace gateway::pki {
namespace {

TimePtr make_time(std::chrono::sys_seconds time) {
  return TimePtr(ASN1_TIME_set(nullptr, static_cast<time_t>(time.time_since_epoch().count())));
}

Result<Done> add_entry(X509_CRL* crl, const IndexRow& row) {
  const auto revocation = parse_revocation(row.revocation);
  if (!revocation) return refuse("the revocation of " + row.serial + " cannot be understood");
  BIGNUM* parsed = nullptr;
  const int digits = BN_hex2bn(&parsed, row.serial.c_str());
  const BignumPtr number(parsed);
  if (digits == 0) return openssl_failure("cannot read the serial " + row.serial);
  const IntegerPtr serial(BN_to_ASN1_INTEGER(number.get(), nullptr));
  const TimePtr time = make_time(revocation->time);
  X509RevokedPtr entry(X509_REVOKED_new());
  if (!serial || !time || !entry || X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
      X509_REVOKED_set_revocationDate(entry.get(), time.get()) != 1) {
    return openssl_failure("cannot build a CRL entry");
  }
  // RFC 5280 section 5.3.1: the reason should be absent instead of "unspecified".
  if (revocation->reason != RevocationReason::unspecified) {
    const EnumeratedPtr reason(ASN1_ENUMERATED_new());
    if (!reason || ASN1_ENUMERATED_set(reason.get(), static_cast<long>(revocation->reason)) != 1 ||
        X509_REVOKED_add1_ext_i2d(entry.get(), NID_crl_reason, reason.get(), 0, X509V3_ADD_DEFAULT) != 1) {
      return openssl_failure("cannot build a CRL entry");
    }
  }
  if (X509_CRL_add0_revoked(crl, entry.get()) != 1) return openssl_failure("cannot add a CRL entry");
  std::ignore = entry.release();
  return Done{};
}

Result<Done> add_extensions(X509_CRL* crl, std::uint64_t crl_number, X509* issuer) {
  const IntegerPtr number(ASN1_INTEGER_new());
  if (!number || ASN1_INTEGER_set_uint64(number.get(), crl_number) != 1 ||
      X509_CRL_add1_ext_i2d(crl, NID_crl_number, number.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return openssl_failure("cannot add the CRL number");
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, crl, 0);
  TRY(const X509ExtensionPtr key_id, make_extension(&context, NID_authority_key_identifier, "keyid:always"));
  if (X509_CRL_add_ext(crl, key_id.get(), -1) != 1) return openssl_failure("cannot add the CRL's key identifier");
  return Done{};
}

}  // namespace

Result<std::string> sign_revocation_list(const CrlSpec& spec, std::span<const IndexRow> rows, const Signer& signer) {
  const X509CrlPtr crl(X509_CRL_new());
  const TimePtr this_update = make_time(spec.this_update);
  const TimePtr next_update = make_time(spec.next_update);
  if (!crl || !this_update || !next_update || X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) != 1 ||
      X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(signer.certificate)) != 1 ||
      X509_CRL_set1_lastUpdate(crl.get(), this_update.get()) != 1 ||
      X509_CRL_set1_nextUpdate(crl.get(), next_update.get()) != 1) {
    return openssl_failure("cannot build a CRL");
  }
  for (const IndexRow& row : rows) {
    if (row.status != IndexStatus::revoked) continue;
    TRY(std::ignore, add_entry(crl.get(), row));
  }
  X509_CRL_sort(crl.get());
  TRY(std::ignore, add_extensions(crl.get(), spec.number, signer.certificate));
  if (X509_CRL_sign(crl.get(), signer.key, signing_digest(signer.key)) == 0)
    return openssl_failure("cannot sign a CRL");
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509_CRL(bio.get(), crl.get()) != 1) return openssl_failure("cannot write a CRL");
  return bytes_of(bio.get());
}

}  // namespace gateway::pki
