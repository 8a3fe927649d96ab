#include "tls/extension_rules.h"

#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

bool takes(const std::vector<Extension>& extensions, bool strict = true) {
  const Issued leaf = issue({.extensions = extensions}, &client_root());
  const auto checked = check_extensions(leaf.certificate.get(), strict);
  if (!checked) CHECK(checked.error().reason == Reason::malformed_certificate);
  return checked.has_value();
}

}  // namespace

TEST_CASE("no extension may be there twice, whoever waived the profile") {
  CHECK(takes({{"subjectAltName", "DNS:a.example"}}));
  for (const bool strict : {true, false}) {
    CHECK_FALSE(takes({{"subjectAltName", "DNS:a.example"}, {"subjectAltName", "DNS:b.example"}}, strict));
    CHECK_FALSE(takes({{"1.2.3.4", "DER:05:00"}, {"1.2.3.4", "DER:05:00"}}, strict));
    CHECK_FALSE(takes({{"basicConstraints", "CA:TRUE"}}, strict));
    CHECK_FALSE(takes({{"extendedKeyUsage", "clientAuth"}}, strict));
  }
}

TEST_CASE("extensions that can't be read to their last byte are refused where the profile holds") {
  CHECK(takes({{"crlDistributionPoints", "URI:http://crl.example/a.crl"}}));
  // A SAN with a byte behind it, an empty OCTET STRING, a truncated SEQUENCE.
  CHECK_FALSE(takes({{"subjectAltName", "DER:30:03:82:01:61:00"}}));
  CHECK_FALSE(takes({{"crlDistributionPoints", "DER:30:05:00"}}));
  CHECK_FALSE(takes({{"authorityInfoAccess", "DER:05:00"}}));
  CHECK(takes({{"authorityInfoAccess", "DER:05:00"}}, false));
  // What OpenSSL doesn't know it can't judge.
  CHECK(takes({{"1.2.3.4", "DER:30:05:00"}}));
}

TEST_CASE("a subjectAltName has a name in it") {
  CHECK_FALSE(takes({{"subjectAltName", "DER:30:00"}}));
  CHECK(takes({{"subjectAltName", "DER:30:00"}}, false));
}

TEST_CASE("an information access has a description, and policy constraints are critical") {
  CHECK(takes({{"authorityInfoAccess", "OCSP;URI:http://ocsp.example"}}));
  CHECK_FALSE(takes({{"authorityInfoAccess", "DER:30:00"}}));
  CHECK(takes({{"policyConstraints", "critical,requireExplicitPolicy:3"}}));
  CHECK_FALSE(takes({{"policyConstraints", "requireExplicitPolicy:3"}}));
  CHECK(takes({{"policyConstraints", "requireExplicitPolicy:3"}}, false));
}

TEST_CASE("the number of extensions is bounded") {
  std::vector<Extension> many;
  for (int i = 0; i < 130; ++i) many.push_back({"1.2.3." + std::to_string(i), "DER:05:00"});
  CHECK_FALSE(takes(many, false));
}
