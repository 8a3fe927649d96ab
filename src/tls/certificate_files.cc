#include "tls/certificate_files.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "core/secret.h"
#include "tls/asn1_values.h"
#include "tls/key_type.h"
#include "tls/openssl_error.h"
#include "tls/pem_blocks.h"

namespace gateway::tls {
namespace {

std::unexpected<core::Error> failure(std::string what) {
  take_openssl_errors();
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(what));
}

// OpenSSL says all bits where the extension isn't there, which RFC 5280 takes for "any use".
std::string unfit_for_servers(X509* certificate) {
  if ((X509_get_extended_key_usage(certificate) & (XKU_SSL_SERVER | XKU_ANYEKU)) == 0) {
    return "its extended key usage does not have serverAuth";
  }
  // Every handshake here is signed: neither TLS 1.3 nor the suites of 1.2 encrypt to the server's key.
  if ((X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) == 0) {
    return "its key usage does not have digitalSignature";
  }
  return {};
}

bool must_staple(X509* certificate) {
  const std::unique_ptr<TLS_FEATURE, decltype(&TLS_FEATURE_free)> features(
      static_cast<TLS_FEATURE*>(X509_get_ext_d2i(certificate, NID_tlsfeature, nullptr, nullptr)), &TLS_FEATURE_free);
  for (int i = 0; features && i < sk_ASN1_INTEGER_num(features.get()); ++i) {
    const long feature = ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i));
    if (feature == TLSEXT_TYPE_status_request) return true;
  }
  return false;
}

}  // namespace

core::Result<std::vector<Der>> parse_certificates(std::string_view bytes) {
  std::vector<Der> certificates;
  if (looks_like_pem(bytes)) {
    auto blocks = parse_pem(bytes);
    if (!blocks) return std::unexpected(std::move(blocks.error()));
    for (PemBlock& block : *blocks) {
      const bool is_certificate = block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE";
      if (is_certificate) certificates.push_back(std::move(block.der));
      core::wipe(block.der.data(), block.der.size());  // a key may stand in the same file
    }
    if (certificates.empty()) return failure("no CERTIFICATE block in the file");
  } else {
    certificates.emplace_back(bytes);
  }
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    if (!parse_certificate(certificates[i], nullptr))
      return failure(fmt::format("certificate {} can't be parsed", i + 1));
  }
  return certificates;
}

core::Result<CertificateFacts> facts_of(const Der& certificate) {
  const X509Ptr parsed = parse_certificate(certificate, nullptr);
  if (!parsed) return failure("the certificate can't be parsed");
  CertificateFacts facts;
  facts.subject = rfc4514_of(X509_get_subject_name(parsed.get()));
  facts.issuer = rfc4514_of(X509_get_issuer_name(parsed.get()));
  facts.serial = serial_hex_of(X509_get0_serialNumber(parsed.get()));
  const auto not_before = time_of(X509_get0_notBefore(parsed.get()));
  const auto not_after = time_of(X509_get0_notAfter(parsed.get()));
  if (!not_before || !not_after) return failure("the certificate's validity can't be read");
  facts.not_before = *not_before;
  facts.not_after = *not_after;
  facts.is_ca = X509_check_ca(parsed.get()) > 0;
  const EVP_PKEY* key = X509_get0_pubkey(parsed.get());
  facts.key_type = key == nullptr ? "" : key_type_of(key);
  facts.unfit_for_servers = unfit_for_servers(parsed.get());
  facts.must_staple = must_staple(parsed.get());
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(parsed.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type == GEN_DNS) facts.dns_names.emplace_back(bytes_of(static_cast<const ASN1_STRING*>(value)));
  }
  ERR_clear_error();
  return facts;
}

}  // namespace gateway::tls
