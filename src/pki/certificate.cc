#include "pki/certificate.h"

#include <fmt/core.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <tuple>

#include "pki/index_file.h"
#include "pki/private_key.h"

namespace gateway::pki {
namespace {

constexpr int kSerialBits = 128;

// Bits of keyUsage, RFC 5280 section 4.2.1.3.
constexpr int kDigitalSignature = 0;
constexpr int kKeyEncipherment = 2;
constexpr int kKeyCertSign = 5;
constexpr int kCrlSign = 6;

Result<Done> add_to_name(X509_NAME* name, int nid, std::string_view field, const std::string& value) {
  const bool printable = std::ranges::none_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (value.empty() || !printable || value.size() > std::numeric_limits<int>::max()) {
    return refuse(fmt::format("the {} must not be empty or have control characters", field));
  }
  // Lengths (64 characters) and UTF-8 are checked by OpenSSL.
  if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                 static_cast<int>(value.size()), -1, 0) != 1) {
    return openssl_failure(fmt::format("the {} '{}' cannot be used", field, value));
  }
  return Done{};
}

Result<X509NamePtr> build_name(const Subject& subject) {
  X509NamePtr name(X509_NAME_new());
  if (!name) return openssl_failure("cannot build a name");
  if (!subject.organization.empty()) {
    TRY(std::ignore, add_to_name(name.get(), NID_organizationName, "organization", subject.organization));
  }
  for (const std::string& unit : subject.organizational_units) {
    TRY(std::ignore, add_to_name(name.get(), NID_organizationalUnitName, "organizational unit", unit));
  }
  TRY(std::ignore, add_to_name(name.get(), NID_commonName, "common name", subject.common_name));
  return name;
}

Result<Done> add_value(X509* certificate, int nid, void* value, bool critical) {
  if (X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) != 1) {
    return openssl_failure("cannot add an extension");
  }
  return Done{};
}

Result<Done> add_basic_constraints(X509* certificate, const Usage& usage) {
  const BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
  if (!constraints) return openssl_failure("cannot add basicConstraints");
  constraints->ca = usage.authority ? 1 : 0;
  if (usage.authority && usage.path_length) {
    constraints->pathlen = ASN1_INTEGER_new();
    if (constraints->pathlen == nullptr || ASN1_INTEGER_set_uint64(constraints->pathlen, *usage.path_length) != 1) {
      return openssl_failure("cannot add basicConstraints");
    }
  }
  return add_value(certificate, NID_basic_constraints, constraints.get(), true);
}

Result<Done> add_key_usage(X509* certificate, const Usage& usage, EVP_PKEY* key) {
  const BitStringPtr bits(ASN1_BIT_STRING_new());
  bool ok = bits != nullptr;
  const auto set = [&](int bit) { ok = ok && ASN1_BIT_STRING_set_bit(bits.get(), bit, 1) == 1; };
  if (usage.authority) {
    set(kKeyCertSign);
    set(kCrlSign);
  } else {
    set(kDigitalSignature);
    // The RSA key exchange of TLS 1.2, for peers that know nothing better.
    if (EVP_PKEY_is_a(key, "RSA") == 1) set(kKeyEncipherment);
  }
  if (!ok) return openssl_failure("cannot add keyUsage");
  return add_value(certificate, NID_key_usage, bits.get(), true);
}

Result<Done> add_extended_key_usage(X509* certificate, const Usage& usage) {
  const ExtendedKeyUsagePtr purposes(EXTENDED_KEY_USAGE_new());
  bool ok = purposes != nullptr;
  // The objects are OpenSSL's static ones, so freeing the stack leaves them alone.
  const auto push = [&](int nid) { ok = ok && sk_ASN1_OBJECT_push(purposes.get(), OBJ_nid2obj(nid)) > 0; };
  if (usage.server) push(NID_server_auth);
  if (usage.client) push(NID_client_auth);
  if (!ok) return openssl_failure("cannot add extendedKeyUsage");
  return add_value(certificate, NID_ext_key_usage, purposes.get(), false);
}

Result<Done> add_extensions(X509* certificate, const CertificateSpec& spec, EVP_PKEY* subject_key, X509* issuer) {
  TRY(std::ignore, add_basic_constraints(certificate, spec.usage));
  TRY(std::ignore, add_key_usage(certificate, spec.usage, subject_key));
  if (!spec.usage.authority) {
    TRY(std::ignore, add_extended_key_usage(certificate, spec.usage));
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  // The order matters: a self-signed certificate's AKI is copied from its SKI.
  for (const auto& [nid, value] :
       {std::pair{NID_subject_key_identifier, "hash"}, std::pair{NID_authority_key_identifier, "keyid:always"}}) {
    TRY(const X509ExtensionPtr extension, make_extension(&context, nid, value));
    if (X509_add_ext(certificate, extension.get(), -1) != 1) return openssl_failure("cannot add an extension");
  }
  if (spec.alt_names.empty()) return Done{};
  TRY(const GeneralNamesPtr names, build_alt_names(spec.alt_names));
  return add_value(certificate, NID_subject_alt_name, names.get(), false);
}

bool set_serial(X509* certificate, const std::string& hex) {
  BIGNUM* parsed = nullptr;
  const int digits = BN_hex2bn(&parsed, hex.c_str());
  const BignumPtr number(parsed);
  return digits == static_cast<int>(hex.size()) &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

std::chrono::sys_seconds to_time(const ASN1_TIME* time) {
  std::tm civil{};
  if (ASN1_TIME_to_tm(time, &civil) != 1) return {};
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&civil)));
}

}  // namespace

Result<std::string> random_serial() {
  const BignumPtr number(BN_new());
  // The top bit is set so that every serial has the same length and none is zero.
  if (!number || BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1) {
    return openssl_failure("cannot draw a serial number");
  }
  const OpensslText hex(BN_bn2hex(number.get()));
  if (!hex) return openssl_failure("cannot draw a serial number");
  return std::string(hex.get());
}

Result<X509ExtensionPtr> make_extension(X509V3_CTX* context, int nid, const char* value) {
  X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, context, nid, value));
  if (!extension) return openssl_failure("cannot build an extension");
  return extension;
}

Result<X509Ptr> sign_certificate(const CertificateSpec& spec, EVP_PKEY* subject_key, const Signer& signer) {
  X509Ptr certificate(X509_new());
  if (!certificate) return openssl_failure("cannot build a certificate");
  X509* issuer = signer.certificate != nullptr ? signer.certificate : certificate.get();
  TRY(const X509NamePtr name, build_name(spec.subject));
  const auto seconds = [](std::chrono::sys_seconds time) {
    return static_cast<time_t>(time.time_since_epoch().count());
  };
  const bool built =
      X509_set_version(certificate.get(), X509_VERSION_3) == 1 && set_serial(certificate.get(), spec.serial) &&
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds(spec.validity.not_before)) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds(spec.validity.not_after)) != nullptr &&
      X509_set_subject_name(certificate.get(), name.get()) == 1 &&
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) == 1 &&
      X509_set_pubkey(certificate.get(), subject_key) == 1;
  if (!built) return openssl_failure("cannot build a certificate");
  TRY(std::ignore, add_extensions(certificate.get(), spec, subject_key, issuer));
  if (X509_sign(certificate.get(), signer.key, signing_digest(signer.key)) == 0) {
    return openssl_failure("cannot sign a certificate");
  }
  return certificate;
}

Result<std::string> certificate_to_pem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return openssl_failure("cannot write a certificate");
  return bytes_of(bio.get());
}

Result<X509Ptr> certificate_from_pem(std::string_view pem, const std::filesystem::path& file) {
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return refuse("is too large", file);
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!certificate) return openssl_failure("is no certificate", file);
  return certificate;
}

std::string serial_of(const X509* certificate) {
  const BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  const OpensslText hex(number ? BN_bn2hex(number.get()) : nullptr);
  return hex ? canonical_serial(hex.get()).value_or("00") : "00";
}

std::string subject_of(const X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio) return {};
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return bytes_of(bio.get());
}

std::string index_subject_of(X509* certificate) {
  const OpensslText line(X509_NAME_oneline(X509_get_subject_name(certificate), nullptr, 0));
  return line ? std::string(line.get()) : std::string();
}

Validity validity_of(const X509* certificate) {
  return {.not_before = to_time(X509_get0_notBefore(certificate)),
          .not_after = to_time(X509_get0_notAfter(certificate))};
}

}  // namespace gateway::pki
