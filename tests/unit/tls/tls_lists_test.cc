#include "tls/tls_lists.h"

#include <doctest/doctest.h>

#include "tls/openssl_ptr.h"
#include "tls/tls_settings.h"

using namespace gateway::tls;

namespace {

std::string fault(const gateway::core::Result<std::string>& checked) {
  return checked ? "" : checked.error().detail;
}

bool says(const gateway::core::Result<std::string>& checked, std::string_view what) {
  return fault(checked).find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("everything in the named profiles passes the checks of a custom one") {
  for (const TlsProfile profile : {TlsProfile::modern, TlsProfile::intermediate}) {
    const TlsSettings settings = settings_of(profile);
    for (const std::string& name : settings.ciphers) CHECK(check_cipher(name) == name);
    for (const std::string& name : settings.cipher_suites) CHECK(check_cipher_suite(name) == name);
    for (const std::string& name : settings.groups) CHECK(check_group(name) == name);
    for (const std::string& name : settings.signature_algorithms) CHECK(check_signature_algorithm(name) == name);
  }
  CHECK(settings_of(TlsProfile::custom) == settings_of(TlsProfile::intermediate));
  CHECK(settings_of(TlsProfile::modern).min_version == ProtocolVersion::tls13);
  CHECK(settings_of(TlsProfile::modern).ciphers.empty());
}

TEST_CASE("a cipher suite goes by either of its names") {
  CHECK(check_cipher("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256") == "ECDHE-RSA-AES128-GCM-SHA256");
  CHECK(check_cipher_suite("TLS_AES_128_CCM_SHA256").has_value());
}

TEST_CASE("every cipher suite that OpenSSL has and that is not AEAD over ECDHE with a certificate is refused") {
  const SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  REQUIRE(SSL_CTX_set_cipher_list(context.get(), "ALL:COMPLEMENTOFALL") == 1);
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context.get());
  int taken = 0;
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    const std::string name = SSL_CIPHER_get_name(cipher);
    if (name.starts_with("TLS_")) continue;
    CAPTURE(name);
    const bool strong = name.starts_with("ECDHE-") && name.find("CCM8") == std::string::npos &&
                        (name.find("GCM") != std::string::npos || name.find("CCM") != std::string::npos ||
                         name.find("POLY1305") != std::string::npos) &&
                        !name.starts_with("ECDHE-PSK");
    CHECK(check_cipher(name).has_value() == strong);
    taken += strong ? 1 : 0;
  }
  CHECK(taken >= 6);
}

TEST_CASE("a cipher suite that is refused is refused for a reason") {
  CHECK(says(check_cipher("AES128-GCM-SHA256"), "forward secrecy"));
  CHECK(says(check_cipher("DHE-RSA-AES128-GCM-SHA256"), "not ECDHE"));
  CHECK(says(check_cipher("ECDHE-RSA-AES128-SHA"), "no AEAD"));
  CHECK(says(check_cipher("ADH-AES128-GCM-SHA256"), "not be authenticated"));
  CHECK(says(check_cipher("PSK-AES128-GCM-SHA256"), "not be authenticated"));
  CHECK(says(check_cipher("ECDHE-ECDSA-AES128-CCM8"), "64 bits"));
  CHECK(says(check_cipher("NULL-SHA256"), "does not encrypt"));
  CHECK(says(check_cipher("HIGH"), "no single cipher suite"));
  CHECK(says(check_cipher("!aNULL"), "no single cipher suite"));
  CHECK(says(check_cipher("@SECLEVEL=0"), "no single cipher suite"));
  CHECK(says(check_cipher("ECDHE"), "no single cipher suite"));
  CHECK(says(check_cipher("RC4-MD5"), "knows no TLS 1.2 cipher suite"));
  CHECK(says(check_cipher(""), "knows no"));
  CHECK(says(check_cipher("TLS_AES_128_GCM_SHA256"), "'cipher_suites'"));
  CHECK(says(check_cipher_suite("ECDHE-RSA-AES128-GCM-SHA256"), "'ciphers'"));
  CHECK(says(check_cipher_suite("TLS_AES_128_CCM_8_SHA256"), "64 bits"));
  CHECK(says(check_cipher_suite("TLS_SHA256_SHA256"), "knows no"));
}

TEST_CASE("groups are strong, known here, or marked as optional") {
  for (const char* name :
       {"X25519", "P-256", "prime256v1", "secp384r1", "P-521", "X448", "?X25519", "?X25519MLKEM768"}) {
    CAPTURE(name);
    CHECK(check_group(name) == name);
  }
  for (const char* name : {"P-192", "secp224r1", "secp256k1", "ffdhe2048", "?ffdhe8192"}) {
    CAPTURE(name);
    CHECK(says(check_group(name), "refused in every profile"));
  }
  for (const char* name : {"", "?", "X25519:P-256", "*X25519", "DEFAULT", "P-265", "X25519/P-256", "-P-256"}) {
    CAPTURE(name);
    CHECK(says(check_group(name), "knows no group"));
  }
}

TEST_CASE("signature algorithms are strong and known here") {
  for (const char* name : {"ed25519", "ECDSA+SHA256", "RSA+SHA512", "rsa_pss_rsae_sha384"}) {
    CAPTURE(name);
    CHECK(check_signature_algorithm(name) == name);
  }
  CHECK(says(check_signature_algorithm("rsa_pkcs1_sha1"), "digest"));
  CHECK(says(check_signature_algorithm("ECDSA+SHA1"), "digest"));
  CHECK(says(check_signature_algorithm("RSA+SHA224"), "digest"));
  CHECK(says(check_signature_algorithm("RSA+MD5"), "digest"));
  CHECK(says(check_signature_algorithm("DSA+SHA256"), "DSA"));
  CHECK(says(check_signature_algorithm("ed25519:ed448"), "knows no"));
  CHECK(says(check_signature_algorithm(""), "knows no"));
}

TEST_CASE("an optional group is left out where OpenSSL lacks it, and a needed one is an error") {
  const SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  CHECK(available_groups({"?X25519", "P-256"}, context.get()) == "X25519:P-256");
  CHECK(available_groups({"?nothing", "P-256"}, context.get()) == "P-256");
  TlsSettings settings = settings_of(TlsProfile::intermediate);
  CHECK(use_settings(context.get(), settings).has_value());
  settings.groups = {"nothing"};
  CHECK_FALSE(use_settings(context.get(), settings).has_value());
}
