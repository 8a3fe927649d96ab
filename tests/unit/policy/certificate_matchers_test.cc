#include <doctest/doctest.h>

#include "facts.h"

namespace gateway::policy::testing {
namespace {

core::PeerIdentity with(std::vector<std::string> core::PeerIdentity::* kind, std::vector<std::string> values) {
  core::PeerIdentity identity;
  identity.*kind = std::move(values);
  return identity;
}

bool dns(const std::string& pattern, const std::string& value) {
  return matches(Matcher::dns_san, pattern, with(&core::PeerIdentity::dns_sans, {value}));
}
bool uri(const std::string& pattern, const std::string& value) {
  return matches(Matcher::uri_san, pattern, with(&core::PeerIdentity::uri_sans, {value}));
}
bool email(const std::string& pattern, const std::string& value) {
  return matches(Matcher::email_san, pattern, with(&core::PeerIdentity::email_sans, {value}));
}
bool serial(const std::string& pattern, const std::string& value) {
  core::PeerIdentity identity;
  identity.serial = value;
  return matches(Matcher::serial, pattern, identity);
}

TEST_CASE("names of the subject and the issuer are compared whole and with case") {
  using Field = std::vector<std::string> core::PeerIdentity::*;
  const std::pair<Matcher, Field> kinds[] = {
      {Matcher::cn, &core::PeerIdentity::common_names},
      {Matcher::o, &core::PeerIdentity::organizations},
      {Matcher::ou, &core::PeerIdentity::organizational_units},
      {Matcher::issuer_cn, &core::PeerIdentity::issuer_common_names},
  };
  for (const auto& [matcher, field] : kinds) {
    CHECK(matches(matcher, "Batch Job", with(field, {"Batch Job"})));
    CHECK_FALSE(matches(matcher, "Batch Job", with(field, {"batch job"})));
    CHECK_FALSE(matches(matcher, "Batch", with(field, {"Batch Job"})));
    CHECK_FALSE(matches(matcher, "Batch Job", with(field, {"Batch"})));
    CHECK(matches(matcher, "~Batch .*", with(field, {"Batch Job"})));
    CHECK_FALSE(matches(matcher, "Batch Job", with(field, {})));
  }
}

TEST_CASE("a kind never answers for another one") {
  core::PeerIdentity identity;
  identity.email_sans = {"a@partner.example"};
  identity.uri_sans = {"https://partner.example"};
  identity.common_names = {"partner.example"};
  CHECK_FALSE(matches(Matcher::dns_san, "partner.example", identity));
  CHECK_FALSE(matches(Matcher::dns_san, "~.*", identity));
  CHECK_FALSE(matches(Matcher::o, "partner.example", identity));
}

TEST_CASE("one of several values is enough, and one of several patterns") {
  const auto identity = with(&core::PeerIdentity::dns_sans, {"a.example", "b.example", "c.example"});
  CHECK(matches(Matcher::dns_san, "c.example", identity));
  CHECK(compiled(allow_if(Matcher::dns_san, {"x.example", "b.example"}))->judge(&identity, get()).allow);
  CHECK_FALSE(compiled(allow_if(Matcher::dns_san, {"x.example", "y.example"}))->judge(&identity, get()).allow);
}

TEST_CASE("DNS names are compared without case and without the root's dot") {
  CHECK(dns("API.Partner.example", "api.partner.EXAMPLE"));
  CHECK(dns("api.partner.example.", "api.partner.example"));
  CHECK(dns("api.partner.example", "api.partner.example."));
  CHECK_FALSE(dns("api.partner.example", "api.partner.example.evil"));
  CHECK_FALSE(dns("api.partner.example", "xapi.partner.example"));
}

TEST_CASE("a DNS wildcard stands for exactly one label") {
  CHECK(dns("*.partner.example", "a.partner.example"));
  CHECK(dns("*.Partner.example", "A.PARTNER.example."));
  CHECK_FALSE(dns("*.partner.example", "partner.example"));
  CHECK_FALSE(dns("*.partner.example", ".partner.example"));
  CHECK_FALSE(dns("*.partner.example", "a.b.partner.example"));
  CHECK_FALSE(dns("*.partner.example", "apartner.example"));
}

TEST_CASE("a DNS name too long for any DNS is compared all the same") {
  const std::string label(300, 'A');
  CHECK(dns("*.example", label + ".Example"));
  CHECK_FALSE(dns("*.example", label + ".Example.x"));
}

TEST_CASE("DNS expressions see the name in lower-case and don't mind their own case") {
  CHECK(dns("~(a|b)\\.partner\\.example", "A.Partner.Example"));
  CHECK(dns("~(A|B)\\.Partner\\.example", "a.partner.example"));
  CHECK_FALSE(dns("~(a|b)\\.partner\\.example", "c.partner.example"));
}

TEST_CASE("URIs are compared with case, and a wildcard stands for at least one byte") {
  CHECK(uri("spiffe://corp.example/batch", "spiffe://corp.example/batch"));
  CHECK_FALSE(uri("spiffe://corp.example/batch", "spiffe://corp.example/Batch"));
  CHECK_FALSE(uri("spiffe://corp.example/batch", "spiffe://corp.example/batch/x"));
  CHECK(uri("spiffe://corp.example/batch/*", "spiffe://corp.example/batch/x"));
  CHECK(uri("spiffe://corp.example/batch/*", "spiffe://corp.example/batch/x/y"));
  CHECK_FALSE(uri("spiffe://corp.example/batch/*", "spiffe://corp.example/batch/"));
  CHECK_FALSE(uri("spiffe://corp.example/batch/*", "spiffe://corp.example/batch"));
  CHECK_FALSE(uri("spiffe://corp.example/batch/*", "spiffe://corp.example/batches/x"));
  CHECK_FALSE(uri("spiffe://corp.example/batch/*", "spiffe://Corp.example/batch/x"));
  CHECK(uri("urn:device:*", "urn:device:7"));
}

TEST_CASE("an expression must match the whole value") {
  CHECK(uri("~spiffe://[a-z]+\\.example/.*", "spiffe://corp.example/x"));
  CHECK_FALSE(uri("~spiffe://corp", "spiffe://corp.example"));
  CHECK_FALSE(uri("~corp.example", "spiffe://corp.example"));
  CHECK_FALSE(uri("~a:x|b", "a:xyz"));
  CHECK(uri("~a:x|b.*", "bcd"));
  CHECK_FALSE(uri("~a:.*$|b", "xa:"));
}

TEST_CASE("no byte of a value slips through a dot") {
  CHECK(uri("~a:.*", "a:\xff\xfe\n"));
  CHECK(matches(Matcher::cn, "~.*", with(&core::PeerIdentity::common_names, {"line\nline"})));
  CHECK(matches(Matcher::cn, "~J.rgen", with(&core::PeerIdentity::common_names, {"J\xc3\xb6rgen"})));
}

TEST_CASE("the domain of an e-mail address is compared without case, the mailbox with it") {
  CHECK(email("Ops@Partner.example", "Ops@PARTNER.example"));
  CHECK_FALSE(email("ops@partner.example", "Ops@partner.example"));
  CHECK_FALSE(email("ops@partner.example", "ops@other.example"));
  CHECK(email("*@partner.example", "anyone@Partner.Example"));
  CHECK_FALSE(email("*@partner.example", "anyone@sub.partner.example"));
  CHECK_FALSE(email("*@partner.example", "@partner.example"));
  CHECK_FALSE(email("*@partner.example", "anyone@partner.example@evil.example"));
  CHECK_FALSE(email("~a@b@x", "a@B@x"));
  CHECK(email("~a@B@x", "a@B@X"));
  CHECK(email("~[a-z]+@partner\\.example", "ops@PARTNER.example"));
}

TEST_CASE("addresses lie in networks, IPv4-mapped ones too") {
  core::PeerIdentity identity;
  identity.ip_sans = {address("10.1.2.3"), address("2001:db8::7"), address("::ffff:192.0.2.9")};
  CHECK(matches(Matcher::ip_san, "10.0.0.0/8", identity));
  CHECK(matches(Matcher::ip_san, "10.1.2.3", identity));
  CHECK_FALSE(matches(Matcher::ip_san, "10.1.2.4", identity));
  CHECK(matches(Matcher::ip_san, "2001:db8::/32", identity));
  CHECK_FALSE(matches(Matcher::ip_san, "2001:db9::/32", identity));
  CHECK(matches(Matcher::ip_san, "192.0.2.0/24", identity));
  CHECK(matches(Matcher::ip_san, "0.0.0.0/0", identity));
  identity.ip_sans = {address("2001:db8::7")};
  CHECK_FALSE(matches(Matcher::ip_san, "0.0.0.0/0", identity));
  CHECK(matches(Matcher::ip_san, "::/0", identity));
}

TEST_CASE("serial numbers are compared as numbers") {
  CHECK(serial("0a1b", "0A1B"));
  CHECK(serial("0A:1B", "0A1B"));
  CHECK(serial("a1b", "0A1B"));
  CHECK(serial("00:0A:1B", "0A1B"));
  CHECK(serial("0", "00"));
  CHECK_FALSE(serial("0A1B", "0A1B00"));
  CHECK_FALSE(serial("A1B", "1A1B"));
  CHECK_FALSE(serial("0", ""));
}

TEST_CASE("fingerprints of the certificate and of its key are told apart") {
  core::PeerIdentity identity;
  identity.fingerprint.fill(0xAB);
  identity.spki_fingerprint.fill(0x0C);
  std::string certificate;
  std::string key;
  for (int i = 0; i < 32; ++i) {
    certificate += i == 0 ? "AB" : ":aB";
    key += "0c";
  }
  CHECK(matches(Matcher::fingerprint, "sha256:" + certificate, identity));
  CHECK(matches(Matcher::fingerprint, "spki-sha256:" + key, identity));
  CHECK_FALSE(matches(Matcher::fingerprint, "spki-sha256:" + certificate, identity));
  CHECK_FALSE(matches(Matcher::fingerprint, "sha256:" + key, identity));
}

TEST_CASE("no certificate matcher matches an anonymous client, not even an expression for anything") {
  const std::pair<Matcher, std::string> patterns[] = {
      {Matcher::cn, "~.*"},        {Matcher::ou, "~.*"},
      {Matcher::o, "~.*"},         {Matcher::dns_san, "~.*"},
      {Matcher::uri_san, "~.*"},   {Matcher::email_san, "~.*"},
      {Matcher::issuer_cn, "~.*"}, {Matcher::ip_san, "::/0"},
      {Matcher::serial, "0"},      {Matcher::fingerprint, "sha256:" + std::string(64, '0')},
  };
  for (const auto& [matcher, pattern] : patterns) CHECK_FALSE(matches(matcher, pattern, nullptr));
}

TEST_CASE("authenticated tells a verified certificate from none") {
  const core::PeerIdentity identity;
  CHECK(matches(Matcher::authenticated, "true", &identity));
  CHECK_FALSE(matches(Matcher::authenticated, "true", nullptr));
  CHECK(matches(Matcher::authenticated, "false", nullptr));
  CHECK_FALSE(matches(Matcher::authenticated, "false", &identity));
}

}  // namespace
}  // namespace gateway::policy::testing
