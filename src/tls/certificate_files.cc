#include "tls/certificate_files.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "tls/asn1_values.h"
#include "tls/openssl_error.h"
#include "tls/pem_blocks.h"

namespace gateway::tls {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMinSecurityBits = 112;

std::unexpected<core::Error> failure(std::string what) {
  take_openssl_errors();
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(what));
}

PkeyPtr key_of(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  PkeyPtr key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  return at == end ? std::move(key) : nullptr;
}

// PKCS#8 "EncryptedPrivateKeyInfo", which has no mark but its shape.
bool is_encrypted_pkcs8(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  X509_SIG* sealed = d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size()));
  ERR_clear_error();
  X509_SIG_free(sealed);
  return sealed != nullptr;
}

core::Result<std::string> checked_key(std::string der) {
  if (!key_of(der)) {
    if (is_encrypted_pkcs8(der)) return failure("the private key is encrypted: remove its passphrase");
    return failure("the private key can't be parsed");
  }
  take_openssl_errors();
  return der;
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
      OPENSSL_cleanse(block.der.data(), block.der.size());
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

core::Result<std::string> parse_private_key(std::string_view bytes) {
  if (!looks_like_pem(bytes)) return checked_key(std::string(bytes));
  auto blocks = parse_pem(bytes);
  if (!blocks) return std::unexpected(std::move(blocks.error()));
  core::Result<std::string> key = failure("no PRIVATE KEY block in the file");
  for (PemBlock& block : *blocks) {
    if (!key && block.label.ends_with("PRIVATE KEY")) {
      const bool encrypted =
          block.label.starts_with("ENCRYPTED") || block.header.find("ENCRYPTED") != std::string::npos;
      key = encrypted ? failure("the private key is encrypted: remove its passphrase") : checked_key(block.der);
    }
    OPENSSL_cleanse(block.der.data(), block.der.size());
  }
  return key;
}

core::Result<bool> check_key_matches(const Der& certificate, const std::string& private_key) {
  const X509Ptr parsed = parse_certificate(certificate, nullptr);
  const PkeyPtr key = key_of(private_key);
  if (!parsed || !key) return failure("the certificate or its private key can't be parsed");
  if (X509_check_private_key(parsed.get(), key.get()) != 1) return failure("the private key is not the certificate's");
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key.get()) < kMinRsaBits) {
    return failure(
        fmt::format("the RSA key has {} bits, at least {} are needed", EVP_PKEY_get_bits(key.get()), kMinRsaBits));
  }
  if (EVP_PKEY_get_security_bits(key.get()) < kMinSecurityBits) {
    return failure(fmt::format("the key has {} bits of security, at least {} are needed",
                               EVP_PKEY_get_security_bits(key.get()), kMinSecurityBits));
  }
  return true;
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
