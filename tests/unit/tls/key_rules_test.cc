#include "tls/key_rules.h"

#include <doctest/doctest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "test_gateway.h"
#include "tls/asn1_values.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

Reason verdict(const X509* certificate, bool strict = true) {
  const auto checked = check_key(certificate, kMinRsaBits, strict);
  return checked ? Reason::none : checked.error().reason;
}

Reason verdict(KeyKind kind, bool strict = true) {
  // Parsed again, as a peer's is: OpenSSL remembers how a curve was encoded only when it reads it.
  return verdict(parse_certificate(issue({.key = kind}, &client_root()).der(), nullptr).get(), strict);
}

// Replaces the first `from` in a certificate; its signature is of no interest here.
X509Ptr edited(const Issued& original, const std::string& from, const std::string& to) {
  Der der = original.der();
  const auto at = der.find(from);
  REQUIRE(at != std::string::npos);
  REQUIRE(from.size() == to.size());
  X509Ptr parsed = parse_certificate(der.replace(at, from.size(), to), nullptr);
  REQUIRE(parsed);
  return parsed;
}

PkeyPtr rsa_key_of(const BIGNUM* modulus, const BIGNUM* exponent) {
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent);
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> maker(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  REQUIRE(EVP_PKEY_fromdata_init(maker.get()) == 1);
  REQUIRE(EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) == 1);
  return PkeyPtr(key);
}

// Nobody has the other half of it.
PkeyPtr huge_key() {
  const BignumPtr modulus(BN_new());
  const BignumPtr exponent(BN_new());
  BN_set_bit(modulus.get(), 8192);
  BN_set_bit(modulus.get(), 0);
  BN_set_word(exponent.get(), 65537);
  return rsa_key_of(modulus.get(), exponent.get());
}

}  // namespace

TEST_CASE("RSA from 2048 bits, curves from 256 bits and Edwards curves are good keys") {
  CHECK(verdict(KeyKind::rsa2048) == Reason::none);
  CHECK(verdict(KeyKind::p256) == Reason::none);
  CHECK(verdict(KeyKind::ed25519) == Reason::none);
}

TEST_CASE("short keys, DSA and curves that are described are weak, whoever waives the profile") {
  for (const bool strict : {true, false}) {
    CHECK(verdict(KeyKind::rsa1024, strict) == Reason::weak_key);
    CHECK(verdict(KeyKind::p224, strict) == Reason::weak_key);
    CHECK(verdict(KeyKind::p256_explicit, strict) == Reason::weak_key);
    CHECK(verdict(KeyKind::dsa2048, strict) == Reason::weak_key);
  }
}

TEST_CASE("an RSA exponent of 3 is weak where the profile holds, 1 and even ones always") {
  CHECK(verdict(KeyKind::rsa2048_exponent3, true) == Reason::weak_key);
  CHECK(verdict(KeyKind::rsa2048_exponent3, false) == Reason::none);
  const Issued good = issue({.key = KeyKind::rsa2048}, &client_root());
  const std::string usual("\x02\x03\x01\x00\x01", 5);
  CHECK(verdict(edited(good, usual, std::string("\x02\x03\x00\x00\x01", 5)).get(), false) == Reason::weak_key);
  CHECK(verdict(edited(good, usual, std::string("\x02\x03\x01\x00\x02", 5)).get(), false) == Reason::weak_key);
  CHECK(verdict(edited(good, usual, std::string("\x02\x03\x01\x00\x03", 5)).get(), true) == Reason::none);
}

TEST_CASE("an even RSA modulus is no modulus") {
  const Issued good = issue({.key = KeyKind::rsa2048}, &client_root());
  Der der = good.der();
  const auto exponent = der.find(std::string("\x02\x03\x01\x00\x01", 5));
  REQUIRE(exponent != std::string::npos);
  der[exponent - 1] = static_cast<char>(der[exponent - 1] & ~1);
  const X509Ptr even = parse_certificate(der, nullptr);
  REQUIRE(even);
  CHECK(verdict(even.get(), false) == Reason::weak_key);
}

TEST_CASE("the point at infinity is no public key") {
  const Issued good = make_client("x", client_root());
  X509Ptr certificate(X509_dup(good.certificate.get()));
  X509_PUBKEY* key = X509_get_X509_PUBKEY(certificate.get());
  auto* infinity = static_cast<unsigned char*>(OPENSSL_zalloc(1));
  X509_ALGOR* algorithm = nullptr;
  REQUIRE(X509_PUBKEY_get0_param(nullptr, nullptr, nullptr, &algorithm, key) == 1);
  const int type = OBJ_obj2nid(algorithm->algorithm);
  ASN1_OBJECT* curve = OBJ_dup(algorithm->parameter->value.object);
  REQUIRE(X509_PUBKEY_set0_param(key, OBJ_nid2obj(type), V_ASN1_OBJECT, curve, infinity, 1) == 1);
  CHECK(verdict(certificate.get(), false) == Reason::weak_key);
}

TEST_CASE("a huge RSA key is refused before anything is verified with it") {
  const Issued good = issue({.key = KeyKind::rsa2048}, &client_root());
  STACK_OF(X509)* presented = sk_X509_new_null();
  const std::unique_ptr<STACK_OF(X509), FreeCertificates> owner(presented);
  CHECK(check_key_sizes(nullptr).has_value());
  CHECK(check_key_sizes(presented).has_value());
  X509_up_ref(good.certificate.get());
  sk_X509_push(presented, good.certificate.get());
  CHECK(check_key_sizes(presented).has_value());
  X509* large = X509_dup(good.certificate.get());
  REQUIRE(X509_set_pubkey(large, huge_key().get()) == 1);
  sk_X509_push(presented, large);
  const auto checked = check_key_sizes(presented);
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().reason == Reason::malformed_certificate);
}

TEST_CASE("a huge RSA key anywhere in what a client sends is refused") {
  const Issued alice = make_client("alice", client_root());
  const Issued beside = make_intermediate("Beside", client_root());
  const Gateway gateway({HostSpec{}});
  CHECK(connect(gateway, {.certificate = &alice, .chain = {&beside}}).reason() == Reason::none);
  REQUIRE(X509_set_pubkey(beside.certificate.get(), huge_key().get()) == 1);
  CHECK(connect(gateway, {.certificate = &alice, .chain = {&beside}}).reason() == Reason::malformed_certificate);
}
