#include "tls/certificate_files.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>

#include "test_pki.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

const Issued& root() {
  static const Issued issued = make_root("Root");
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

}  // namespace

TEST_CASE("certificates are read from PEM with anything around them, or from DER") {
  const Issued leaf = make_client("alice", root());
  const auto both = parse_certificates("subject: x\n" + leaf.pem() + leaf.key_pem() + root().pem());
  REQUIRE(both.has_value());
  CHECK(*both == std::vector<Der>{leaf.der(), root().der()});
  CHECK(*parse_certificates(leaf.der()) == std::vector<Der>{leaf.der()});
}

TEST_CASE("what is no certificate is an error that says so") {
  const Issued leaf = make_client("alice", root());
  CHECK(error_of(parse_certificates("")) == "certificate 1 can't be parsed");
  CHECK(error_of(parse_certificates("nonsense")) == "certificate 1 can't be parsed");
  CHECK(error_of(parse_certificates(leaf.der() + "x")) == "certificate 1 can't be parsed");
  CHECK(error_of(parse_certificates(leaf.key_pem())) == "no CERTIFICATE block in the file");
  CHECK(error_of(parse_certificates(leaf.pem() + leaf.pem().substr(0, 200))).starts_with("a broken PEM block"));
  CHECK(error_of(parse_certificates("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")) ==
        "certificate 1 can't be parsed");
}

TEST_CASE("private keys are read in PKCS#8 and in the traditional form, PEM or DER") {
  const Issued leaf = make_client("alice", root());
  CHECK(check_key_matches(leaf.der(), *parse_private_key(leaf.key_pem())).has_value());
  CHECK(check_key_matches(leaf.der(), *parse_private_key(leaf.key_der())).has_value());
  CHECK(check_key_matches(leaf.der(), *parse_private_key(leaf.pem() + leaf.key_pem())).has_value());
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(bio.get(), leaf.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  CHECK(check_key_matches(leaf.der(), *parse_private_key(memory_of(bio.get()))).has_value());
}

TEST_CASE("an encrypted key is an error that says so") {
  const Issued leaf = make_client("alice", root());
  char passphrase[] = "secret";
  const auto* key = reinterpret_cast<unsigned char*>(passphrase);
  const BioPtr pkcs8(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(pkcs8.get(), leaf.key.get(), EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr);
  const BioPtr traditional(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(traditional.get(), leaf.key.get(), EVP_aes_128_cbc(), key, 6, nullptr, nullptr);
  const BioPtr der(BIO_new(BIO_s_mem()));
  i2d_PKCS8PrivateKey_bio(der.get(), leaf.key.get(), EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr);
  for (const BioPtr* bio : {&pkcs8, &traditional, &der}) {
    CHECK(error_of(parse_private_key(memory_of(bio->get()))) == "the private key is encrypted: remove its passphrase");
  }
}

TEST_CASE("what is no key is an error") {
  CHECK(error_of(parse_private_key("")) == "the private key can't be parsed");
  CHECK(error_of(parse_private_key("nonsense")) == "the private key can't be parsed");
  CHECK(error_of(parse_private_key(root().pem())) == "no PRIVATE KEY block in the file");
}

TEST_CASE("a key must be the certificate's own and strong enough") {
  const Issued leaf = make_client("alice", root());
  CHECK(error_of(check_key_matches(leaf.der(), root().key_der())) == "the private key is not the certificate's");
  const Issued weak = issue({.key = KeyKind::rsa1024}, nullptr);
  CHECK(error_of(check_key_matches(weak.der(), weak.key_der())) ==
        "the RSA key has 1024 bits, at least 2048 are needed");
  const Issued rsa = issue({.key = KeyKind::rsa2048}, nullptr);
  CHECK(check_key_matches(rsa.der(), rsa.key_der()).has_value());
  CHECK_FALSE(check_key_matches("x", rsa.key_der()).has_value());
}

TEST_CASE("the facts of a certificate are what an operator wants to know") {
  const Issued server = make_server("a.example", root());
  const auto facts = facts_of(server.der());
  REQUIRE(facts.has_value());
  CHECK(facts->subject == "CN=a.example");
  CHECK(facts->issuer == "CN=Root");
  CHECK(facts->dns_names == std::vector<std::string>{"a.example"});
  CHECK_FALSE(facts->is_ca);
  CHECK(facts->not_after > facts->not_before);
  CHECK(facts_of(root().der())->is_ca);
  CHECK_FALSE(facts_of("x").has_value());
}
