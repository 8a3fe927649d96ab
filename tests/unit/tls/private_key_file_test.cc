#include "tls/private_key_file.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "test_pki.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Secret;

namespace {

const Issued& leaf() {
  static const Issued issued = issue({.common_name = "leaf"}, nullptr);
  return issued;
}

std::string memory_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

template <typename T>
std::string error_of(const gateway::core::Result<T>& result) {
  return result ? "" : result.error().detail;
}

constexpr int kSize = 6;
char kPassphrase[] = "secret";

// The leaf's key encrypted with "secret", in each form that there is.
std::vector<std::string> encrypted_keys() {
  EVP_PKEY* key = leaf().key.get();
  const auto* bytes = reinterpret_cast<unsigned char*>(kPassphrase);
  std::vector<std::string> forms;
  const BioPtr pkcs8(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(pkcs8.get(), key, EVP_aes_256_cbc(), kPassphrase, kSize, nullptr, nullptr);
  const BioPtr traditional(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(traditional.get(), key, EVP_aes_128_cbc(), bytes, kSize, nullptr, nullptr);
  const BioPtr triple_des(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(triple_des.get(), key, EVP_des_ede3_cbc(), bytes, kSize, nullptr, nullptr);
  const BioPtr der(BIO_new(BIO_s_mem()));
  i2d_PKCS8PrivateKey_bio(der.get(), key, EVP_aes_256_cbc(), kPassphrase, kSize, nullptr, nullptr);
  for (const BioPtr* bio : {&pkcs8, &traditional, &triple_des, &der}) forms.push_back(memory_of(bio->get()));
  return forms;
}

}  // namespace

TEST_CASE("private keys are read in PKCS#8 and in the traditional form, PEM or DER, and come out as PKCS#8") {
  const BioPtr pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(pem.get(), leaf().key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const BioPtr der(BIO_new(BIO_s_mem()));
  i2d_PrivateKey_bio(der.get(), leaf().key.get());
  for (const std::string& form : {leaf().key_pem(), leaf().key_der(), leaf().pem() + leaf().key_pem(),
                                  memory_of(pem.get()), memory_of(der.get())}) {
    const auto key = parse_private_key(form, nullptr);
    REQUIRE(key.has_value());
    CHECK_FALSE(key->was_encrypted);
    CHECK(key->der.view() == leaf().key_der());
    CHECK(check_key_matches(leaf().der(), key->der).has_value());
  }
}

TEST_CASE("an encrypted key opens with its passphrase in every form") {
  const Secret passphrase("secret");
  for (const std::string& form : encrypted_keys()) {
    const auto key = parse_private_key(form, &passphrase);
    REQUIRE_MESSAGE(key.has_value(), error_of(key));
    CHECK(key->was_encrypted);
    CHECK(check_key_matches(leaf().der(), key->der).has_value());
    // What is kept is open: nobody needs the passphrase again.
    CHECK_FALSE(parse_private_key(key->der.view(), nullptr)->was_encrypted);
  }
}

TEST_CASE("an encrypted key without a passphrase is an error that says so, and nobody is asked for it") {
  for (const std::string& form : encrypted_keys()) {
    CHECK(error_of(parse_private_key(form, nullptr)) == "the private key is encrypted, and it has no 'passphrase'");
  }
}

TEST_CASE("a passphrase that is wrong, or nearly right, opens nothing") {
  for (const char* wrong : {"Secret", "secret ", "secre", "x"}) {
    const Secret passphrase(wrong);
    for (const std::string& form : encrypted_keys()) {
      CHECK(error_of(parse_private_key(form, &passphrase)) == "the passphrase does not open the private key");
    }
  }
  const Secret longest(std::string(kMaxPassphraseBytes + 1, 'x'));
  for (const std::string& form : encrypted_keys()) CHECK_FALSE(parse_private_key(form, &longest).has_value());
}

TEST_CASE("an encryption that OpenSSL gave up is told from a wrong passphrase") {
  const BioPtr old(BIO_new(BIO_s_mem()));
  const Secret passphrase("secret");
  std::string text = encrypted_keys()[1];
  const std::size_t at = text.find("AES-128-CBC");
  REQUIRE(at != std::string::npos);
  text.replace(at, 11, "NO-SUCH-128");
  CHECK(error_of(parse_private_key(text, &passphrase)).find("an old way") != std::string::npos);
}

TEST_CASE("a key that isn't encrypted needs no passphrase and says that it was not") {
  const Secret passphrase("secret");
  const auto key = parse_private_key(leaf().key_pem(), &passphrase);
  REQUIRE(key.has_value());
  CHECK_FALSE(key->was_encrypted);
}

TEST_CASE("what is no key is an error") {
  CHECK(error_of(parse_private_key("", nullptr)) == "the private key can't be parsed");
  CHECK(error_of(parse_private_key("nonsense", nullptr)) == "the private key can't be parsed");
  CHECK(error_of(parse_private_key(leaf().pem(), nullptr)) == "no PRIVATE KEY block in the file");
}

TEST_CASE("a key must be the certificate's own and strong enough") {
  const auto check = [](const Der& certificate, const std::string& key) {
    return error_of(check_key_matches(certificate, Secret(key)));
  };
  const Issued other = issue({}, nullptr);
  CHECK(check(leaf().der(), other.key_der()) == "the private key is not the certificate's");
  const Issued weak = issue({.key = KeyKind::rsa1024}, nullptr);
  CHECK(check(weak.der(), weak.key_der()) == "the RSA key has 1024 bits, at least 2048 are needed");
  const Issued rsa = issue({.key = KeyKind::rsa2048}, nullptr);
  CHECK(check(rsa.der(), rsa.key_der()).empty());
  CHECK(check("x", rsa.key_der()) == "the certificate or its private key can't be parsed");
}
