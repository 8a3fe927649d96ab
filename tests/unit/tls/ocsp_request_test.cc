#include "tls/ocsp_request.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "tls/asn1_values.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

OcspRequestPtr parse(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return OcspRequestPtr(d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(der.size())));
}

Issued with_access(const std::string& value) {
  return issue({.extensions = {{"authorityInfoAccess", value}}}, &client_root());
}

}  // namespace

TEST_CASE("an OCSP request names one certificate by SHA-1 of its issuer, and carries the nonce") {
  const Issued leaf = make_client("leaf", client_root());
  const std::string nonce = make_ocsp_nonce();
  REQUIRE(nonce.size() == 32);
  const auto der = build_ocsp_request(
      {.certificate = leaf.der(), .issuer = client_root().der(), .nonce = nonce, .responder_certificate = {}});
  REQUIRE(der);
  const OcspRequestPtr request = parse(*der);
  REQUIRE(request);
  REQUIRE(OCSP_request_onereq_count(request.get()) == 1);
  const OcspCertIdPtr expected(OCSP_cert_to_id(EVP_sha1(), leaf.certificate.get(), client_root().certificate.get()));
  OCSP_CERTID* id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), 0));
  CHECK(OCSP_id_cmp(id, expected.get()) == 0);
  const int at = OCSP_REQUEST_get_ext_by_NID(request.get(), NID_id_pkix_OCSP_Nonce, -1);
  REQUIRE(at >= 0);
  const auto value = bytes_of(X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(request.get(), at)));
  CHECK(value == std::string("\x04\x20") + nonce);
  CHECK(OCSP_request_is_signed(request.get()) == 0);
}

TEST_CASE("without a nonce an OCSP request is the same each time, so that caches can answer it") {
  const Issued leaf = make_client("leaf", client_root());
  const OcspQuestion question{
      .certificate = leaf.der(), .issuer = client_root().der(), .nonce = {}, .responder_certificate = {}};
  const auto first = build_ocsp_request(question);
  const auto second = build_ocsp_request(question);
  REQUIRE(first);
  CHECK(*first == *second);
  CHECK(OCSP_REQUEST_get_ext_count(parse(*first).get()) == 0);
}

TEST_CASE("nonces differ") {
  CHECK(make_ocsp_nonce() != make_ocsp_nonce());
}

TEST_CASE("nothing is asked about what is no certificate") {
  const Issued leaf = make_client("leaf", client_root());
  CHECK_FALSE(build_ocsp_request(
      {.certificate = "x", .issuer = client_root().der(), .nonce = {}, .responder_certificate = {}}));
  CHECK_FALSE(build_ocsp_request({.certificate = leaf.der(), .issuer = {}, .nonce = {}, .responder_certificate = {}}));
}

TEST_CASE("the responder's URL is the first usable one among a certificate's access descriptions") {
  CHECK(ocsp_url_of(make_client("none", client_root()).der()) == std::nullopt);
  CHECK(ocsp_url_of("not a certificate") == std::nullopt);
  CHECK(ocsp_url_of(with_access("OCSP;URI:http://ocsp.example/a").der()) == "http://ocsp.example/a");
  CHECK(ocsp_url_of(with_access("caIssuers;URI:http://ca.example/ca.der,OCSP;URI:HTTP://ocsp.example").der()) ==
        "HTTP://ocsp.example");
  CHECK(ocsp_url_of(with_access("OCSP;URI:ldap://a,OCSP;URI:https://b,OCSP;URI:http://c,OCSP;URI:http://d").der()) ==
        "http://c");
  CHECK(ocsp_url_of(with_access("OCSP;URI:http://").der()) == std::nullopt);
  CHECK(ocsp_url_of(with_access("OCSP;URI:file:///etc/passwd").der()) == std::nullopt);
  CHECK(ocsp_url_of(with_access("OCSP;URI:http://a b/").der()) == std::nullopt);
  CHECK(ocsp_url_of(with_access("OCSP;DNS:ocsp.example").der()) == std::nullopt);
  CHECK(ocsp_url_of(with_access("OCSP;URI:http://a/" + std::string(2000, 'x')).der()) == std::nullopt);
}
