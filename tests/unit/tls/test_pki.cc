#include "test_pki.h"

#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace gateway::tls::test {
namespace {

void require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "test PKI: %s\n", what);
  ERR_print_errors_fp(stderr);
  std::abort();
}

EVP_PKEY* make_dsa() {
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> domain(EVP_PKEY_CTX_new_from_name(nullptr, "DSA", nullptr));
  EVP_PKEY* parameters = nullptr;
  require(EVP_PKEY_paramgen_init(domain.get()) == 1 && EVP_PKEY_CTX_set_dsa_paramgen_bits(domain.get(), 2048) == 1 &&
              EVP_PKEY_CTX_set_dsa_paramgen_q_bits(domain.get(), 256) == 1 &&
              EVP_PKEY_paramgen(domain.get(), &parameters) == 1,
          "DSA parameters");
  const PkeyPtr owner(parameters);
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> maker(EVP_PKEY_CTX_new_from_pkey(nullptr, parameters, nullptr));
  EVP_PKEY* key = nullptr;
  require(EVP_PKEY_keygen_init(maker.get()) == 1 && EVP_PKEY_keygen(maker.get(), &key) == 1, "DSA key");
  return key;
}

EVP_PKEY* make_from(const char* type, const std::vector<OSSL_PARAM>& params) {
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> maker(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  require(EVP_PKEY_keygen_init(maker.get()) == 1 && EVP_PKEY_CTX_set_params(maker.get(), params.data()) == 1 &&
              EVP_PKEY_generate(maker.get(), &key) == 1,
          "key from parameters");
  return key;
}

EVP_PKEY* make_explicit_curve() {
  std::string group = "P-256";
  std::string encoding = "explicit";
  return make_from("EC", {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
                          OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, encoding.data(), 0),
                          OSSL_PARAM_construct_end()});
}

EVP_PKEY* make_rsa(std::size_t bits, unsigned exponent) {
  return make_from("RSA", {OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits),
                           OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent), OSSL_PARAM_construct_end()});
}

std::shared_ptr<EVP_PKEY> make_key(KeyKind kind) {
  EVP_PKEY* key = nullptr;
  if (kind == KeyKind::p256) key = EVP_EC_gen("P-256");
  if (kind == KeyKind::p224) key = EVP_EC_gen("P-224");
  if (kind == KeyKind::p256_explicit) key = make_explicit_curve();
  if (kind == KeyKind::rsa2048_exponent3) key = make_rsa(2048, 3);
  if (kind == KeyKind::rsa1024) key = EVP_RSA_gen(1024);
  if (kind == KeyKind::rsa2048) key = EVP_RSA_gen(2048);
  if (kind == KeyKind::ed25519) key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (kind == KeyKind::dsa2048) key = make_dsa();
  require(key != nullptr, "no key");
  return {key, EVP_PKEY_free};
}

void set_time(ASN1_TIME* target, std::chrono::sys_seconds time) {
  require(ASN1_TIME_adj(target, time.time_since_epoch().count(), 0, 0) != nullptr, "no time");
}

void set_name(X509_NAME* name, const CertificateSpec& spec) {
  const auto add = [name](const std::string& field, const std::string& value) {
    require(X509_NAME_add_entry_by_txt(name, field.c_str(), MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), -1, 0) == 1,
            "no name");
  };
  for (const auto& [field, value] : spec.more_names) add(field, value);
  if (!spec.common_name.empty()) add("CN", spec.common_name);
}

void add_extension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> made(
      X509V3_EXT_nconf(nullptr, &context, extension.name.c_str(), extension.value.c_str()));
  require(made != nullptr, extension.name.c_str());
  require(X509_add_ext(certificate, made.get(), -1) == 1, "extension");
}

template <typename Write>
std::string to_memory(Write write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  require(write(bio.get()) == 1, "write");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

void set_random_serial(ASN1_INTEGER* serial) {
  std::uint64_t number = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) == 1, "random");
  require(ASN1_INTEGER_set_uint64(serial, number >> 1 | 1U) == 1, "serial");
}

}  // namespace

std::chrono::sys_seconds real_now() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

Der Issued::der() const {
  return to_memory([this](BIO* bio) { return i2d_X509_bio(bio, certificate.get()); });
}

std::string Issued::key_der() const {
  return to_memory(
      [this](BIO* bio) { return i2d_PKCS8PrivateKey_bio(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string Issued::pem() const {
  return to_memory([this](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

std::string Issued::key_pem() const {
  return to_memory([this](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Issued issue(const CertificateSpec& spec, const Issued* issuer) {
  Issued made{{X509_new(), X509_free}, spec.old_key ? spec.old_key : make_key(spec.key)};
  X509* certificate = made.certificate.get();
  require(X509_set_version(certificate, X509_VERSION_3) == 1, "version");
  set_random_serial(X509_get_serialNumber(certificate));
  set_name(X509_get_subject_name(certificate), spec);
  X509* signer = issuer != nullptr ? issuer->certificate.get() : certificate;
  require(X509_set_issuer_name(certificate, X509_get_subject_name(signer)) == 1, "issuer");
  set_time(X509_getm_notBefore(certificate), spec.not_before);
  set_time(X509_getm_notAfter(certificate), spec.not_after);
  require(X509_set_pubkey(certificate, made.key.get()) == 1, "public key");
  const std::string constraints = !spec.basic_constraints.empty() ? spec.basic_constraints
                                  : spec.is_ca                    ? "critical,CA:TRUE"
                                                                  : "critical,CA:FALSE";
  if (constraints != "none") add_extension(certificate, signer, {"basicConstraints", constraints});
  const std::string usage = !spec.key_usage.empty() ? spec.key_usage
                            : spec.is_ca            ? "critical,keyCertSign,cRLSign"
                                                    : "critical,digitalSignature";
  if (usage != "none") add_extension(certificate, signer, {"keyUsage", usage});
  if (!spec.extended_key_usage.empty())
    add_extension(certificate, signer, {"extendedKeyUsage", spec.extended_key_usage});
  if (spec.key_identifiers) {
    add_extension(certificate, signer, {"subjectKeyIdentifier", "hash"});
    add_extension(certificate, signer, {"authorityKeyIdentifier", "keyid"});
  }
  for (const Extension& extension : spec.extensions) add_extension(certificate, signer, extension);
  EVP_PKEY* signing_key = issuer != nullptr ? issuer->key.get() : made.key.get();
  require(X509_sign(certificate, signing_key, EVP_PKEY_is_a(signing_key, "ED25519") == 1 ? nullptr : spec.digest) > 0,
          "sign");
  return made;
}

Issued make_root(const std::string& common_name) {
  return issue({.common_name = common_name, .is_ca = true, .extended_key_usage = ""}, nullptr);
}

Issued make_intermediate(const std::string& common_name, const Issued& issuer) {
  return issue({.common_name = common_name, .is_ca = true, .extended_key_usage = ""}, &issuer);
}

Issued make_client(const std::string& common_name, const Issued& issuer) {
  return issue({.common_name = common_name}, &issuer);
}

Issued make_server(const std::string& dns_name, const Issued& issuer) {
  return issue({.common_name = dns_name,
                .extended_key_usage = "serverAuth",
                .extensions = {{"subjectAltName", "DNS:" + dns_name}}},
               &issuer);
}

Issued with_broken_signature(const Issued& original) {
  Der der = original.der();
  der.back() = static_cast<char>(der.back() ^ 1);
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  X509* parsed = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
  require(parsed != nullptr, "parse");
  return {{parsed, X509_free}, original.key};
}

std::shared_ptr<EVP_PKEY> key_that_claims(EVP_PKEY& signs, EVP_PKEY& claimed) {
  std::array<unsigned char, 128> public_key{};
  std::size_t public_size = 0;
  BIGNUM* secret = nullptr;
  require(EVP_PKEY_get_octet_string_param(&claimed, OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size(),
                                          &public_size) == 1,
          "public key");
  require(EVP_PKEY_get_bn_param(&signs, OSSL_PKEY_PARAM_PRIV_KEY, &secret) == 1, "private key");
  const BignumPtr owned(secret);
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_size);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret);
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  require(EVP_PKEY_fromdata_init(context.get()) == 1 &&
              EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) == 1,
          "claimed key");
  return {key, EVP_PKEY_free};
}

Der make_crl(const Issued& issuer, const CrlSpec& spec) {
  const CrlPtr crl(X509_CRL_new());
  require(X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1, "version");
  require(X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.get())) == 1, "issuer");
  const Owned<ASN1_TIME, ASN1_TIME_free> this_update(ASN1_TIME_new());
  const Owned<ASN1_TIME, ASN1_TIME_free> next_update(ASN1_TIME_new());
  set_time(this_update.get(), spec.this_update);
  set_time(next_update.get(), spec.next_update);
  require(X509_CRL_set1_lastUpdate(crl.get(), this_update.get()) == 1, "thisUpdate");
  if (spec.has_next_update) require(X509_CRL_set1_nextUpdate(crl.get(), next_update.get()) == 1, "nextUpdate");
  const auto revoke = [&](const ASN1_INTEGER* serial) {
    X509_REVOKED* entry = X509_REVOKED_new();
    require(X509_REVOKED_set_serialNumber(entry, const_cast<ASN1_INTEGER*>(serial)) == 1, "serial");
    require(X509_REVOKED_set_revocationDate(entry, this_update.get()) == 1, "date");
    require(X509_CRL_add0_revoked(crl.get(), entry) == 1, "entry");
  };
  for (const Issued* one : spec.revoked) revoke(X509_get0_serialNumber(one->certificate.get()));
  for (std::size_t i = 0; i < spec.filler_entries; ++i) {
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> serial(ASN1_INTEGER_new());
    require(ASN1_INTEGER_set_uint64(serial.get(), 0x4000000000000000ULL + i) == 1, "serial");
    revoke(serial.get());
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.certificate.get(), nullptr, nullptr, crl.get(), 0);
  X509V3_set_ctx_nodb(&context);
  for (const Extension& extension : spec.extensions) {
    const Owned<X509_EXTENSION, X509_EXTENSION_free> made(
        X509V3_EXT_nconf(nullptr, &context, extension.name.c_str(), extension.value.c_str()));
    require(made != nullptr && X509_CRL_add_ext(crl.get(), made.get(), -1) == 1, extension.name.c_str());
  }
  const EVP_MD* digest = EVP_PKEY_is_a(issuer.key.get(), "ED25519") == 1 ? nullptr : EVP_sha256();
  require(X509_CRL_sort(crl.get()) == 1 && X509_CRL_sign(crl.get(), issuer.key.get(), digest) > 0, "sign");
  return to_memory([&crl](BIO* bio) { return i2d_X509_CRL_bio(bio, crl.get()); });
}

std::string crl_pem(const Der& crl) {
  const auto* at = reinterpret_cast<const unsigned char*>(crl.data());
  const CrlPtr parsed(d2i_X509_CRL(nullptr, &at, static_cast<long>(crl.size())));
  return to_memory([&parsed](BIO* bio) { return PEM_write_bio_X509_CRL(bio, parsed.get()); });
}

}  // namespace gateway::tls::test
