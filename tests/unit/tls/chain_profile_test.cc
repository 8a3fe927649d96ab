#include <doctest/doctest.h>
#include <openssl/bn.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

std::shared_ptr<const TrustSet> lenient(const Issued& root) {
  auto trust = std::make_shared<TrustSet>(*make_trust({root}));
  trust->strict_profile = false;
  return trust;
}

Reason outcome(const std::shared_ptr<const TrustSet>& trust, const Issued& leaf,
               const std::vector<const Issued*>& chain = {}) {
  const Gateway gateway({{.trust = trust}});
  return connect(gateway, {.certificate = &leaf, .chain = chain}).reason();
}

Issued ca_with_constraints(const std::string& constraints) {
  return issue({.common_name = "constrained",
                .is_ca = true,
                .extended_key_usage = "",
                .extensions = {{"nameConstraints", "critical," + constraints}}},
               &client_root());
}

Issued leaf_of(const Issued& ca, const std::string& san) {
  return issue({.common_name = "", .more_names = {{"O", "x"}}, .extensions = {{"subjectAltName", san}}}, &ca);
}

}  // namespace

TEST_CASE("key identifiers are demanded of leaf, intermediate and root, unless the trust set waives the profile") {
  const auto trust = make_trust({client_root()});
  const Issued bare_leaf = issue({.common_name = "bare", .key_identifiers = false}, &client_root());
  CHECK(outcome(trust, bare_leaf) == Reason::malformed_certificate);
  CHECK(outcome(lenient(client_root()), bare_leaf) == Reason::none);
  const Issued bare_ca = issue(
      {.common_name = "bare CA", .is_ca = true, .extended_key_usage = "", .key_identifiers = false}, &client_root());
  const Issued below = issue({.common_name = "x", .key_identifiers = false}, &bare_ca);
  CHECK(outcome(trust, below, {&bare_ca}) == Reason::malformed_certificate);
  CHECK(outcome(lenient(client_root()), below, {&bare_ca}) == Reason::none);
  const Issued bare_root =
      issue({.common_name = "bare root", .is_ca = true, .extended_key_usage = "", .key_identifiers = false}, nullptr);
  const Issued under_bare =
      issue({.common_name = "x", .extensions = {{"authorityKeyIdentifier", "issuer:always"}}, .key_identifiers = false},
            &bare_root);
  CHECK(outcome(make_trust({bare_root}), under_bare) == Reason::malformed_certificate);
  CHECK(outcome(lenient(bare_root), under_bare) == Reason::none);
}

TEST_CASE("a root as openssl req makes it, without a key usage, is good enough") {
  const Issued root =
      issue({.common_name = "simple", .is_ca = true, .key_usage = "none", .extended_key_usage = ""}, nullptr);
  CHECK(outcome(make_trust({root}), make_client("x", root)) == Reason::none);
}

TEST_CASE("a leaf that claims to sign certificates is malformed") {
  const Issued leaf = issue({.key_usage = "critical,digitalSignature,keyCertSign"}, &client_root());
  CHECK(outcome(make_trust({client_root()}), leaf) == Reason::malformed_certificate);
}

TEST_CASE("an empty subject wants a critical subjectAltName") {
  const auto trust = make_trust({client_root()});
  const auto leaf = [](const std::string& san) {
    return issue({.common_name = "", .extensions = {{"subjectAltName", san}}}, &client_root());
  };
  CHECK(outcome(trust, leaf("critical,DNS:a.example")) == Reason::none);
  CHECK(outcome(trust, leaf("DNS:a.example")) == Reason::malformed_certificate);
  CHECK(outcome(trust, issue({.common_name = ""}, &client_root())) == Reason::malformed_certificate);
  CHECK(outcome(lenient(client_root()), issue({.common_name = ""}, &client_root())) == Reason::none);
}

TEST_CASE("a wildcard that would match an excluded name is refused") {
  const auto trust = make_trust({client_root()});
  const Issued ca = ca_with_constraints("excluded;DNS:bar.Example.com");
  CHECK(outcome(trust, leaf_of(ca, "DNS:*.example.com"), {&ca}) == Reason::name_constraint);
  CHECK(outcome(trust, leaf_of(ca, "DNS:ok.example.com,DNS:*.EXAMPLE.com"), {&ca}) == Reason::name_constraint);
  CHECK(outcome(trust, leaf_of(ca, "DNS:*.bar.example.com"), {&ca}) == Reason::name_constraint);
  CHECK(outcome(trust, leaf_of(ca, "DNS:foo.example.com,DNS:*.foo.example.com"), {&ca}) == Reason::none);
}

TEST_CASE("a DNS constraint that begins with a dot is no constraint that we could keep") {
  const auto trust = make_trust({client_root()});
  const Issued ca = ca_with_constraints("permitted;DNS:.example.com");
  CHECK(outcome(trust, leaf_of(ca, "DNS:a.example.com"), {&ca}) == Reason::name_constraint);
}

TEST_CASE("serials are positive and of 20 octets at most") {
  const auto trust = make_trust({client_root()});
  const auto with_serial = [](const char* decimal) {
    Issued leaf = make_client("x", client_root());
    BIGNUM* raw = nullptr;
    BN_dec2bn(&raw, decimal);
    const BignumPtr number(raw);
    BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(leaf.certificate.get()));
    X509_sign(leaf.certificate.get(), client_root().key.get(), EVP_sha256());
    return leaf;
  };
  CHECK(outcome(trust, with_serial("1")) == Reason::none);
  CHECK(outcome(trust, with_serial("0")) == Reason::malformed_certificate);
  CHECK(outcome(trust, with_serial("-5")) == Reason::malformed_certificate);
  const std::string max = "730750818665451459101842416358141509827966271487";  // 2^159 - 1
  CHECK(outcome(trust, with_serial(max.c_str())) == Reason::none);
  CHECK(outcome(trust, with_serial((max + "0").c_str())) == Reason::malformed_certificate);
  CHECK(outcome(lenient(client_root()), with_serial("0")) == Reason::none);
}

TEST_CASE("what a CA must mark critical and a leaf must not have") {
  const Issued soft_ca = issue(
      {.common_name = "soft", .is_ca = true, .basic_constraints = "CA:TRUE", .extended_key_usage = ""}, &client_root());
  const Issued below = make_client("x", soft_ca);
  CHECK(outcome(make_trust({client_root()}), below, {&soft_ca}) == Reason::malformed_certificate);
  CHECK(outcome(lenient(client_root()), below, {&soft_ca}) == Reason::none);
  const Issued constrained_leaf =
      issue({.extensions = {{"nameConstraints", "critical,permitted;DNS:a.example"}}}, &client_root());
  CHECK(outcome(make_trust({client_root()}), constrained_leaf) == Reason::malformed_certificate);
}

TEST_CASE("a waived profile keeps what guards names") {
  const Issued ca = ca_with_constraints("excluded;DNS:bar.example.com");
  CHECK(outcome(lenient(client_root()), leaf_of(ca, "DNS:*.example.com"), {&ca}) == Reason::name_constraint);
}

TEST_CASE("constraints on every kind of name are kept, in both directions") {
  const auto trust = make_trust({client_root()});
  struct Row {
    const char* constraints;
    const char* good;
    const char* bad;
  };
  for (const Row& row : {
           Row{"permitted;email:corp.example", "email:a@corp.example", "email:a@other.example"},
           Row{"excluded;email:a@corp.example", "email:b@corp.example", "email:a@corp.example"},
           Row{"permitted;URI:corp.example", "URI:spiffe://corp.example/x", "URI:spiffe://other.example/x"},
           Row{"permitted;URI:.corp.example", "URI:spiffe://a.corp.example/x", "URI:spiffe://a.other.example/x"},
           Row{"excluded;URI:bad.example", "URI:spiffe://corp.example/x", "URI:spiffe://bad.example/x"},
           Row{"permitted;IP:10.0.0.0/255.0.0.0", "IP:10.1.2.3", "IP:11.1.2.3"},
           Row{"excluded;IP:10.0.0.0/255.0.0.0", "IP:11.1.2.3", "IP:10.1.2.3"},
           Row{"permitted;IP:fd00:0:0:0:0:0:0:0/ffff:0:0:0:0:0:0:0", "IP:fd00::1", "IP:fd01::1"},
           Row{"permitted;IP:10.0.0.0/255.0.0.0", "IP:10.0.0.1", "IP:fd00::1"},
           Row{"permitted;DNS:corp.example", "DNS:a.corp.example", "DNS:a.corp.example,DNS:b.other.example"},
           Row{"permitted;DNS:corp.example", "DNS:corp.example", "DNS:xcorp.example"},
       }) {
    CAPTURE(row.constraints);
    CAPTURE(row.bad);
    const Issued ca = ca_with_constraints(row.constraints);
    CHECK(outcome(trust, leaf_of(ca, row.good), {&ca}) == Reason::none);
    CHECK(outcome(trust, leaf_of(ca, row.bad), {&ca}) == Reason::name_constraint);
    CHECK(outcome(lenient(client_root()), leaf_of(ca, row.bad), {&ca}) == Reason::name_constraint);
  }
}

TEST_CASE("constraints of a CA hold for the CAs below it, and an intermediate can't widen them") {
  const auto trust = make_trust({client_root()});
  const Issued upper = ca_with_constraints("permitted;DNS:corp.example");
  const Issued lower = issue({.common_name = "lower",
                              .is_ca = true,
                              .extended_key_usage = "",
                              .extensions = {{"nameConstraints", "critical,permitted;DNS:other.example"}}},
                             &upper);
  CHECK(outcome(trust, leaf_of(lower, "DNS:a.other.example"), {&lower, &upper}) == Reason::name_constraint);
  CHECK(outcome(trust, leaf_of(lower, "DNS:a.corp.example"), {&lower, &upper}) == Reason::name_constraint);
}

TEST_CASE("a common name that could be a host's is held to DNS constraints, whatever stands beside it") {
  const auto trust = make_trust({client_root()});
  const Issued ca = ca_with_constraints("permitted;DNS:corp.example");
  const auto leaf = [&](const char* common_name) {
    return issue({.common_name = common_name, .extensions = {{"subjectAltName", "DNS:a.corp.example"}}}, &ca);
  };
  CHECK(outcome(trust, leaf("a.corp.example"), {&ca}) == Reason::none);
  CHECK(outcome(trust, leaf("alice"), {&ca}) == Reason::none);
  CHECK(outcome(trust, leaf("Alice Smith"), {&ca}) == Reason::none);
  CHECK(outcome(trust, leaf("admin.other.example"), {&ca}) == Reason::name_constraint);
}

TEST_CASE("an empty list of constraints is refused, for nobody knows what it permits") {
  const auto with = [](const char* der) {
    return issue({.common_name = "constrained",
                  .is_ca = true,
                  .extended_key_usage = "",
                  .extensions = {{"nameConstraints", std::string("critical,DER:") + der}}},
                 &client_root());
  };
  for (const char* der : {"30:00", "30:02:a0:00", "30:02:a1:00", "30:04:a0:00:a1:00"}) {
    CAPTURE(der);
    const Issued ca = with(der);
    CHECK(outcome(make_trust({client_root()}), leaf_of(ca, "DNS:a.example"), {&ca}) == Reason::name_constraint);
  }
}

TEST_CASE("min_rsa_bits holds for every RSA key of a chain") {
  const Issued small = issue({.key = KeyKind::rsa2048}, &client_root());
  const Issued rsa_root =
      issue({.common_name = "RSA", .is_ca = true, .extended_key_usage = "", .key = KeyKind::rsa2048}, nullptr);
  TlsSettings larger = settings_of(TlsProfile::intermediate);
  larger.min_rsa_bits = 3072;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const Gateway usual({{.trust = make_trust({client_root(), rsa_root})}});
    const Gateway demanding({{.trust = make_trust({client_root(), rsa_root}), .settings = larger}});
    const Issued below = make_client("x", rsa_root);
    CHECK(connect(usual, {.version = version, .certificate = &small}).reason() == Reason::none);
    CHECK(connect(demanding, {.version = version, .certificate = &small}).reason() == Reason::weak_key);
    CHECK(connect(usual, {.version = version, .certificate = &below}).reason() == Reason::none);
    CHECK(connect(demanding, {.version = version, .certificate = &below}).reason() == Reason::weak_key);
  }
}
