#include "tls/peer_certificate.h"

#include <doctest/doctest.h>

#include "test_pki.h"
#include "tls/digest.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

gateway::core::Result<gateway::core::PeerIdentity> read(const Issued& issued) {
  return identity_of(issued.certificate.get(), EVP_sha256());
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("an identity has every name of the certificate, each by its type") {
  const Issued ca = issue({.common_name = "Corp CA", .more_names = {{"O", "Corp"}}, .is_ca = true}, nullptr);
  const Issued leaf =
      issue({.common_name = "alice",
             .more_names = {{"C", "DE"}, {"O", "Corp, Inc."}, {"OU", "ops"}, {"OU", "dev"}},
             .extensions = {{"subjectAltName",
                             "DNS:a.example,DNS:*.b.example,URI:spiffe://corp/alice,email:al@corp.example,IP:10.1.2.3,"
                             "IP:2001:db8::1,RID:1.2.3"}}},
            &ca);
  const auto identity = read(leaf);
  REQUIRE(identity.has_value());
  CHECK(identity->common_names == Strings{"alice"});
  CHECK(identity->organizations == Strings{"Corp, Inc."});
  CHECK(identity->organizational_units == Strings{"ops", "dev"});
  CHECK(identity->subject_dn == "CN=alice,OU=dev,OU=ops,O=Corp\\, Inc.,C=DE");
  CHECK(identity->issuer_dn == "CN=Corp CA,O=Corp");
  CHECK(identity->issuer_common_names == Strings{"Corp CA"});
  CHECK(identity->dns_sans == Strings{"a.example", "*.b.example"});
  CHECK(identity->uri_sans == Strings{"spiffe://corp/alice"});
  CHECK(identity->email_sans == Strings{"al@corp.example"});
  REQUIRE(identity->ip_sans.size() == 2);
  CHECK(identity->ip_sans[0].to_string() == "10.1.2.3");
  CHECK(identity->ip_sans[1].to_string() == "2001:db8::1");
  CHECK(identity->certificate_der == leaf.der());
  CHECK(identity->fingerprint == sha256({leaf.der()}));
  CHECK(identity->spki_fingerprint != identity->fingerprint);
  CHECK(identity->serial.size() % 2 == 0);
  CHECK(identity->serial.find_first_not_of("0123456789ABCDEF") == std::string::npos);
}

TEST_CASE("names are UTF-8 whatever the certificate spells them in") {
  const auto identity = read(issue({.common_name = "M\xc3\xbcller"}, nullptr));
  REQUIRE(identity.has_value());
  CHECK(identity->common_names == Strings{"M\xc3\xbcller"});
  CHECK(identity->subject_dn == "CN=M\xc3\xbcller");
}

TEST_CASE("a SAN in the common name's clothing stays a common name") {
  const auto identity = read(issue({.common_name = "DNS:evil.example,URI:x"}, nullptr));
  REQUIRE(identity.has_value());
  CHECK(identity->dns_sans.empty());
  CHECK(identity->uri_sans.empty());
}

TEST_CASE("two SAN extensions are one too many") {
  Issued leaf = issue({.extensions = {{"subjectAltName", "DNS:a.example"}}}, nullptr);
  X509* certificate = leaf.certificate.get();
  X509_add_ext(certificate, X509_get_ext(certificate, X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1)), -1);
  const auto identity = read(leaf);
  REQUIRE_FALSE(identity.has_value());
  CHECK(identity.error().reason == Reason::malformed_certificate);
}

TEST_CASE("the number of SANs is bounded") {
  std::string names = "DNS:a";
  for (int i = 1; i < 1024; ++i) names += ",DNS:a";
  CHECK(read(issue({.extensions = {{"subjectAltName", names}}}, nullptr)).has_value());
  CHECK_FALSE(read(issue({.extensions = {{"subjectAltName", names + ",DNS:a"}}}, nullptr)).has_value());
}
