#include "tls/key_rules.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>

#include <array>

#include "tls/asn1_values.h"
#include "tls/openssl_error.h"
#include "tls/tls_settings.h"

namespace gateway::tls {
namespace {

using core::Reason;

constexpr BN_ULONG kUsualExponent = 65537;

std::unexpected<core::Error> weak(std::string_view what, const X509* certificate) {
  take_openssl_errors();
  return core::fail(Reason::weak_key, core::Side::client,
                    fmt::format("{} in {}", what, rfc4514_of(X509_get_subject_name(certificate))));
}

bool is_rsa(const EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
}

BignumPtr number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return BignumPtr(number);
}

core::Result<bool> check_rsa(const EVP_PKEY* key, const X509* certificate, unsigned min_bits, bool strict) {
  if (static_cast<unsigned>(EVP_PKEY_get_bits(key)) < min_bits) {
    return weak(fmt::format("an RSA key of {} bits, under {},", EVP_PKEY_get_bits(key), min_bits), certificate);
  }
  const BignumPtr modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
  const BignumPtr exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
  if (!modulus || !exponent || BN_is_odd(modulus.get()) == 0) return weak("an RSA modulus that is even", certificate);
  // With 1 a signature is its own message.
  if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) == 1 || BN_is_negative(exponent.get()) == 1) {
    return weak("an RSA exponent that is even or 1", certificate);
  }
  if (strict && BN_get_word(exponent.get()) < kUsualExponent) return weak("an RSA exponent under 65537", certificate);
  return true;
}

core::Result<bool> check_curve(const EVP_PKEY* key, const X509* certificate) {
  int is_explicit = 0;
  if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) != 1 ||
      is_explicit != 0) {
    return weak("a curve that is described, not named (RFC 5480),", certificate);
  }
  if (static_cast<unsigned>(EVP_PKEY_get_bits(key)) < kMinCurveBits) {
    return weak(fmt::format("a curve of {} bits", EVP_PKEY_get_bits(key)), certificate);
  }
  // The point at infinity is on every curve, is encoded as one byte, and any signature is good under it.
  const ASN1_BIT_STRING* point = X509_get0_pubkey_bitstr(certificate);
  if (point == nullptr || ASN1_STRING_length(point) <= 1) return weak("the point at infinity for a key", certificate);
  return true;
}

}  // namespace

core::Result<bool> check_key_sizes(const STACK_OF(X509) * presented) {
  for (int i = 0; presented != nullptr && i < sk_X509_num(presented); ++i) {
    const X509* certificate = sk_X509_value(presented, i);
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr || !is_rsa(key) || static_cast<unsigned>(EVP_PKEY_get_bits(key)) <= kMaxRsaBits) continue;
    return core::fail(Reason::malformed_certificate, core::Side::client,
                      fmt::format("an RSA key of more than {} bits in {}", kMaxRsaBits,
                                  rfc4514_of(X509_get_subject_name(certificate))));
  }
  take_openssl_errors();
  return true;
}

core::Result<bool> check_key(const X509* certificate, unsigned min_rsa_bits, bool strict) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return weak("a public key that can't be read", certificate);
  if (is_rsa(key)) return check_rsa(key, certificate, min_rsa_bits, strict);
  if (EVP_PKEY_is_a(key, "EC") == 1) return check_curve(key, certificate);
  for (const char* kind : {"ED25519", "ED448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}) {
    if (EVP_PKEY_is_a(key, kind) == 1) return true;
  }
  const char* kind = EVP_PKEY_get0_type_name(key);
  return weak(fmt::format("a key of type {}", kind != nullptr ? kind : "unknown"), certificate);
}

}  // namespace gateway::tls
