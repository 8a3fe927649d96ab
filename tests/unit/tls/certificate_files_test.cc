#include "tls/certificate_files.h"

#include <doctest/doctest.h>

#include "test_pki.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

const Issued& root() {
  static const Issued issued = make_root("Root");
  return issued;
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

TEST_CASE("the facts of a certificate are what an operator wants to know") {
  const Issued server = make_server("a.example", root());
  const auto facts = facts_of(server.der());
  REQUIRE(facts.has_value());
  CHECK(facts->subject == "CN=a.example");
  CHECK(facts->issuer == "CN=Root");
  CHECK(facts->dns_names == std::vector<std::string>{"a.example"});
  CHECK_FALSE(facts->is_ca);
  CHECK(facts->key_type == "ECDSA");
  CHECK(facts->unfit_for_servers.empty());
  CHECK(facts->not_after > facts->not_before);
  CHECK(facts_of(root().der())->is_ca);
  CHECK_FALSE(facts_of("x").has_value());
}

TEST_CASE("the facts of a certificate name its type of key") {
  const auto type_of = [](KeyKind kind) { return facts_of(issue({.key = kind}, nullptr).der())->key_type; };
  CHECK(type_of(KeyKind::p256) == "ECDSA");
  CHECK(type_of(KeyKind::rsa2048) == "RSA");
  CHECK(type_of(KeyKind::ed25519) == "Ed25519");
  CHECK(type_of(KeyKind::dsa2048).empty());
}

TEST_CASE("a certificate whose extensions forbid it to be a TLS server's says which") {
  const auto unfit = [](const std::string& extended, const std::string& usage) {
    const CertificateSpec spec{.key_usage = usage, .extended_key_usage = extended};
    return facts_of(issue(spec, &root()).der())->unfit_for_servers;
  };
  CHECK(unfit("serverAuth", "none").empty());
  CHECK(unfit("serverAuth,clientAuth", "digitalSignature").empty());
  CHECK(unfit("anyExtendedKeyUsage", "none").empty());
  CHECK(unfit("", "none").empty());
  CHECK(unfit("clientAuth", "none") == "its extended key usage does not have serverAuth");
  CHECK(unfit("serverAuth", "keyEncipherment") == "its key usage does not have digitalSignature");
}
