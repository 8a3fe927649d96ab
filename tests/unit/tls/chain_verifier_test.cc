#include "tls/chain_verifier.h"

#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

std::shared_ptr<const TrustSet> with_depth(unsigned depth) {
  auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}));
  trust->depth = depth;
  return trust;
}

Reason outcome(const Gateway& gateway, const Issued& leaf, const std::vector<const Issued*>& chain = {}) {
  const Connection tls12 = connect(gateway, {.version = TLS1_2_VERSION, .certificate = &leaf, .chain = chain});
  const Connection tls13 = connect(gateway, {.version = TLS1_3_VERSION, .certificate = &leaf, .chain = chain});
  CHECK(tls12.reason() == tls13.reason());
  CHECK(tls12.client->alert() == tls13.client->alert());
  return tls13.reason();
}

}  // namespace

TEST_CASE("each CA of a trust set is trusted, and no other") {
  const Issued second = make_root("Second Root");
  const Issued third = make_root("Third Root");
  const Gateway gateway({{.trust = make_trust({client_root(), second})}});
  CHECK(outcome(gateway, make_client("a", client_root())) == Reason::none);
  CHECK(outcome(gateway, make_client("b", second)) == Reason::none);
  CHECK(outcome(gateway, make_client("c", third)) == Reason::unknown_ca);
  CHECK(outcome(gateway, make_client("d", server_ca())) == Reason::unknown_ca);
}

TEST_CASE("intermediates count up to the depth and not beyond") {
  const Issued one = make_intermediate("One", client_root());
  const Issued two = make_intermediate("Two", one);
  const Issued under_root = make_client("a", client_root());
  const Issued under_one = make_client("b", one);
  const Issued under_two = make_client("c", two);
  struct Row {
    unsigned depth;
    Reason none;
    Reason first;
    Reason second;
  };
  for (const Row& row :
       {Row{0, Reason::none, Reason::chain_too_deep, Reason::chain_too_deep},
        Row{1, Reason::none, Reason::none, Reason::chain_too_deep}, Row{2, Reason::none, Reason::none, Reason::none}}) {
    CAPTURE(row.depth);
    const Gateway gateway({{.trust = with_depth(row.depth)}});
    CHECK(outcome(gateway, under_root) == row.none);
    CHECK(outcome(gateway, under_one, {&one}) == row.first);
    CHECK(outcome(gateway, under_two, {&two, &one}) == row.second);
    CHECK(outcome(gateway, under_two, {&one, &two}) == row.second);
  }
}

TEST_CASE("the verified chain runs from the leaf to the anchor, and the deadline is its earliest end") {
  const auto end = real_now() + std::chrono::hours(2);
  const Issued intermediate =
      issue({.common_name = "Brief", .is_ca = true, .extended_key_usage = "", .not_after = end}, &client_root());
  const Issued alice = make_client("alice", intermediate);
  const Gateway gateway({HostSpec{}});
  const Connection made = connect(gateway, {.certificate = &alice, .chain = {&intermediate, &client_root()}});
  REQUIRE(made.established());
  const VerifiedChain& chain = made.server->peer()->chain;
  REQUIRE(chain.elements.size() == 3);
  CHECK(chain.elements[0].fingerprint == made.server->peer()->identity->fingerprint);
  CHECK(chain.elements[1].not_after == end);
  CHECK(chain.elements[1].issuer_key == chain.elements[2].issuer_key);
  CHECK(chain.elements[0].issuer_key != chain.elements[1].issuer_key);
  CHECK(chain.session_deadline == end);
}

TEST_CASE("without its intermediate a chain ends nowhere") {
  const Issued one = make_intermediate("One", client_root());
  const Issued leaf = make_client("b", one);
  const Gateway gateway({HostSpec{}});
  CHECK(outcome(gateway, leaf) == Reason::unknown_ca);
}

TEST_CASE("an intermediate listed among the anchors helps to build a path but does not end one") {
  const Issued one = make_intermediate("One", client_root());
  const Issued leaf = make_client("b", one);
  const Gateway both({{.trust = make_trust({client_root(), one})}});
  CHECK(outcome(both, leaf) == Reason::none);
  const Gateway alone({{.trust = make_trust({one})}});
  CHECK(outcome(alone, leaf, {&one}) == Reason::unknown_ca);
}

TEST_CASE("an issuer that is no CA, may not sign or exceeds its path length is refused") {
  const Gateway gateway({HostSpec{}});
  const Issued not_ca = make_client("not a CA", client_root());
  CHECK(outcome(gateway, make_client("x", not_ca), {&not_ca}) == Reason::bad_chain);
  const Issued no_sign = issue(
      {.common_name = "no sign", .is_ca = true, .key_usage = "critical,digitalSignature", .extended_key_usage = ""},
      &client_root());
  CHECK(outcome(gateway, make_client("x", no_sign), {&no_sign}) != Reason::none);
  const Issued short_path = issue({.common_name = "short",
                                   .is_ca = true,
                                   .basic_constraints = "critical,CA:TRUE,pathlen:0",
                                   .extended_key_usage = ""},
                                  &client_root());
  const Issued below = make_intermediate("below", short_path);
  CHECK(outcome(gateway, make_client("y", short_path), {&short_path}) == Reason::none);
  CHECK(outcome(gateway, make_client("x", below), {&below, &short_path}) == Reason::chain_too_deep);
}

TEST_CASE("a CA's extended key usage binds what it issues") {
  const Issued servers_only =
      issue({.common_name = "servers", .is_ca = true, .extended_key_usage = "serverAuth"}, &client_root());
  const Gateway gateway({HostSpec{}});
  CHECK(outcome(gateway, make_client("x", servers_only), {&servers_only}) == Reason::wrong_purpose);
}

TEST_CASE(
    "a certificate must say that it is for clients, unless the trust set waives it; one for other things never does") {
  auto waiving = std::make_shared<TrustSet>(*make_trust({client_root()}));
  waiving->require_client_purpose = false;
  const Gateway demanding({HostSpec{}});
  const Gateway lenient({{.trust = waiving}});
  const auto leaf = [](const char* usage) { return issue({.extended_key_usage = usage}, &client_root()); };
  CHECK(outcome(demanding, leaf("")) == Reason::wrong_purpose);
  CHECK(outcome(lenient, leaf("")) == Reason::none);
  for (const Gateway* gateway : {&demanding, &lenient}) {
    CHECK(outcome(*gateway, leaf("clientAuth")) == Reason::none);
    CHECK(outcome(*gateway, leaf("serverAuth,clientAuth")) == Reason::none);
    CHECK(outcome(*gateway, leaf("critical,clientAuth,anyExtendedKeyUsage")) == Reason::none);
    CHECK(outcome(*gateway, leaf("serverAuth")) == Reason::wrong_purpose);
    CHECK(outcome(*gateway, leaf("codeSigning")) == Reason::wrong_purpose);
    CHECK(outcome(*gateway, leaf("anyExtendedKeyUsage")) == Reason::wrong_purpose);
  }
}

TEST_CASE("with partial chains an intermediate among the anchors ends a path, and vouches for its own alone") {
  const Issued one = make_intermediate("One", client_root());
  const Issued two = make_intermediate("Two", one);
  const Issued sibling = make_intermediate("Sibling", client_root());
  auto trust = std::make_shared<TrustSet>(*make_trust({one}));
  trust->partial_chains = true;
  const Gateway gateway({{.trust = trust}});
  const Issued leaf = make_client("x", one);
  const Connection made = connect(gateway, {.certificate = &leaf, .chain = {&one}});
  REQUIRE(made.established());
  CHECK(made.server->peer()->chain.elements.size() == 2);
  CHECK(outcome(gateway, make_client("y", two), {&two}) == Reason::none);
  CHECK(outcome(gateway, make_client("z", sibling), {&sibling}) == Reason::unknown_ca);
  CHECK(outcome(gateway, make_client("z", client_root())) == Reason::unknown_ca);
  const Issued twin = make_intermediate("One", client_root());
  CHECK(outcome(gateway, make_client("forged", twin), {&twin}) == Reason::unknown_ca);
  const Issued broken = with_broken_signature(leaf);
  CHECK(outcome(gateway, broken, {&one}) == Reason::bad_signature);
}

TEST_CASE("name constraints of a CA are kept") {
  const Issued constrained = issue({.common_name = "constrained",
                                    .is_ca = true,
                                    .extended_key_usage = "",
                                    .extensions = {{"nameConstraints", "critical,permitted;DNS:corp.example"}}},
                                   &client_root());
  const Gateway gateway({HostSpec{}});
  const auto leaf = [&](const char* name) {
    return issue({.common_name = "", .more_names = {{"O", "x"}}, .extensions = {{"subjectAltName", name}}},
                 &constrained);
  };
  CHECK(outcome(gateway, leaf("DNS:a.corp.example"), {&constrained}) == Reason::none);
  CHECK(outcome(gateway, leaf("DNS:a.other.example"), {&constrained}) == Reason::name_constraint);
}

TEST_CASE("a foreign CA of the same name is not the CA") {
  const Gateway gateway({HostSpec{}});
  const Issued twin = make_root("Client Root");
  CHECK(outcome(gateway, make_client("x", twin)) == Reason::unknown_ca);
  CHECK(outcome(gateway, make_client("x", twin), {&twin}) == Reason::unknown_ca);
  // Without key identifiers only the signature tells them apart.
  const Issued bare_twin =
      issue({.common_name = "Client Root", .is_ca = true, .extended_key_usage = "", .key_identifiers = false}, nullptr);
  const Issued leaf = issue({.common_name = "x", .key_identifiers = false}, &bare_twin);
  CHECK(outcome(gateway, leaf) == Reason::bad_signature);
  CHECK(outcome(gateway, leaf, {&bare_twin}) != Reason::none);
}

TEST_CASE("an expired or premature issuer refuses all under it") {
  const Issued late = issue(
      {.common_name = "late", .is_ca = true, .extended_key_usage = "", .not_after = real_now() - std::chrono::hours(1)},
      &client_root());
  const Issued early = issue({.common_name = "early",
                              .is_ca = true,
                              .extended_key_usage = "",
                              .not_before = real_now() + std::chrono::hours(1)},
                             &client_root());
  const Gateway gateway({HostSpec{}});
  CHECK(outcome(gateway, make_client("x", late), {&late}) == Reason::expired);
  CHECK(outcome(gateway, make_client("x", early), {&early}) == Reason::not_yet_valid);
  const Issued dead_root = issue(
      {.common_name = "dead", .is_ca = true, .extended_key_usage = "", .not_after = real_now() - std::chrono::hours(1)},
      nullptr);
  const Gateway dead({{.trust = make_trust({dead_root})}});
  CHECK(outcome(dead, make_client("x", dead_root)) == Reason::expired);
}

TEST_CASE("a path through a valid certificate wins over one through an expired twin") {
  const Issued valid = make_intermediate("Twin", client_root());
  Issued expired = issue(
      {.common_name = "Twin", .is_ca = true, .extended_key_usage = "", .not_after = real_now() - std::chrono::hours(1)},
      &client_root());
  // The same key in an older certificate, as after a renewal of the CA.
  X509_set_pubkey(expired.certificate.get(), valid.key.get());
  const int skid = X509_get_ext_by_NID(expired.certificate.get(), NID_subject_key_identifier, -1);
  X509_EXTENSION_free(X509_delete_ext(expired.certificate.get(), skid));
  X509_sign(expired.certificate.get(), client_root().key.get(), EVP_sha256());
  const Issued leaf = make_client("x", valid);
  auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}));
  trust->strict_profile = false;
  const Gateway gateway({{.trust = trust}});
  CHECK(outcome(gateway, leaf, {&expired, &valid}) == Reason::none);
  CHECK(outcome(gateway, leaf, {&valid, &expired}) == Reason::none);
  CHECK(outcome(gateway, leaf, {&expired}) == Reason::expired);
}

TEST_CASE("weak keys and signatures are refused wherever they are in the chain") {
  const Gateway gateway({HostSpec{}});
  CHECK(outcome(gateway, issue({.key = KeyKind::rsa2048}, &client_root())) == Reason::none);
  CHECK(outcome(gateway, issue({.key = KeyKind::rsa1024}, &client_root())) == Reason::weak_key);
  CHECK(outcome(gateway, issue({.digest = EVP_sha1()}, &client_root())) == Reason::weak_key);
  CHECK(outcome(gateway, issue({.key = KeyKind::ed25519}, &client_root())) == Reason::none);
  const Issued weak_ca =
      issue({.common_name = "weak", .is_ca = true, .extended_key_usage = "", .key = KeyKind::rsa1024}, &client_root());
  CHECK(outcome(gateway, make_client("x", weak_ca), {&weak_ca}) == Reason::weak_key);
}

TEST_CASE("an unknown critical extension is refused") {
  const Gateway gateway({HostSpec{}});
  const Issued strange = issue({.extensions = {{"1.2.3.4.5", "critical,DER:0500"}}}, &client_root());
  CHECK(outcome(gateway, strange) == Reason::bad_chain);
  const Issued harmless = issue({.extensions = {{"1.2.3.4.5", "DER:0500"}}}, &client_root());
  CHECK(outcome(gateway, harmless) == Reason::none);
}

TEST_CASE("a NUL or control byte in a name makes a certificate malformed") {
  const Gateway gateway({HostSpec{}});
  const auto san = [](const std::string& hex) {
    return issue({.extensions = {{"subjectAltName", "DER:" + hex}}}, &client_root());
  };
  CHECK(outcome(gateway, san("3003820161")) == Reason::none);                         // DNS "a"
  CHECK(outcome(gateway, san("30058203610062")) == Reason::malformed_certificate);    // DNS "a\0b"
  CHECK(outcome(gateway, san("3006860461006200")) == Reason::malformed_certificate);  // URI
  CHECK(outcome(gateway, san("30058103610a62")) == Reason::malformed_certificate);    // e-mail with a line feed
  CHECK(outcome(gateway, san("3005820361e462")) == Reason::malformed_certificate);    // DNS, not ASCII
  CHECK(outcome(gateway, san("30028200")) == Reason::malformed_certificate);          // empty DNS
  CHECK(outcome(gateway, san("300587030a0001")) == Reason::malformed_certificate);    // IP of three bytes
  CHECK(outcome(gateway, san("3006820461")) != Reason::none);                         // lengths that lie
  const std::string nul("ali\0ce", 6);
  CHECK(outcome(gateway, issue({.common_name = nul}, &client_root())) == Reason::malformed_certificate);
  CHECK(outcome(gateway, issue({.common_name = "a", .more_names = {{"L", "x\ny"}}}, &client_root())) ==
        Reason::malformed_certificate);
  CHECK(outcome(gateway, issue({.common_name = "a\x7f"}, &client_root())) == Reason::malformed_certificate);
  CHECK(outcome(gateway, issue({.common_name = "a\xc2\x85"}, &client_root())) == Reason::malformed_certificate);
  CHECK(outcome(gateway, issue({.common_name = "M\xc3\xbcller"}, &client_root())) == Reason::none);
}

TEST_CASE("too many or too large certificates are refused") {
  const Gateway gateway({HostSpec{}});
  const Issued leaf = make_client("x", client_root());
  const std::vector<const Issued*> many(32, &server_ca());
  CHECK(outcome(gateway, leaf, many) == Reason::chain_too_deep);
  const Issued fat = issue({.extensions = {{"1.2.3.4.5", "DER:" + std::string(66'000, '0')}}}, &client_root());
  CHECK(outcome(gateway, fat) == Reason::malformed_certificate);
  const Issued big = issue({.extensions = {{"1.2.3.4.5", "DER:" + std::string(60'000, '0')}}}, &client_root());
  CHECK(outcome(gateway, big) == Reason::none);
  const Issued huge = issue({.extensions = {{"1.2.3.4.5", "DER:" + std::string(140'000, '0')}}}, &client_root());
  CHECK(outcome(gateway, huge) == Reason::too_large);
}

TEST_CASE("a self-signed certificate that is itself an anchor is its own chain") {
  const Issued pinned = issue({.common_name = "pinned"}, nullptr);
  const Gateway gateway({{.trust = make_trust({pinned})}});
  const Connection made = connect(gateway, {.certificate = &pinned});
  REQUIRE(made.established());
  CHECK(made.server->peer()->chain.elements.size() == 1);
  CHECK(outcome(gateway, issue({.common_name = "pinned"}, nullptr)) == Reason::unknown_ca);
}

TEST_CASE("a CRL of an intermediate CA counts once a chain shows that CA, for its own certificates only") {
  const Issued one = make_intermediate("Issuing CA", client_root());
  const Issued namesake = make_intermediate("Issuing CA", client_root());
  const Issued good = make_client("good", one);
  const Issued bad = make_client("bad", one);
  const Issued other = make_client("other", namesake);
  const Gateway gateway({{.trust = make_trust({client_root()}, {make_crl(one, {.revoked = {&bad, &other}})})}});
  CHECK(outcome(gateway, other, {&namesake}) == Reason::none);
  CHECK(outcome(gateway, good, {&one}) == Reason::none);
  CHECK(outcome(gateway, bad, {&one}) == Reason::revoked);
  CHECK(outcome(gateway, other, {&namesake}) == Reason::none);
  const Gateway revoking({{.trust = make_trust({client_root()}, {make_crl(client_root(), {.revoked = {&one}})})}});
  CHECK(outcome(revoking, good, {&one}) == Reason::revoked);
}

TEST_CASE("a DSA key is taken in neither version") {
  const Gateway gateway({HostSpec{}});
  const Issued dsa = issue({.key = KeyKind::dsa2048}, &client_root());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    // The certificate request names no signature that such a key could make, so the client has none to show.
    CHECK(connect(gateway, {.version = version, .certificate = &dsa}).reason() == Reason::no_certificate);
  }
  const Issued dsa_root =
      issue({.common_name = "DSA", .is_ca = true, .extended_key_usage = "", .key = KeyKind::dsa2048}, nullptr);
  const Gateway old({{.trust = make_trust({dsa_root})}});
  CHECK(outcome(old, make_client("x", dsa_root)) == Reason::weak_key);
}

TEST_CASE("which certificate of a CA is the valid one is asked of the gateway's clock") {
  const Issued valid = make_intermediate("Twin", client_root());
  Issued brief = issue(
      {.common_name = "Twin", .is_ca = true, .extended_key_usage = "", .not_after = real_now() + std::chrono::hours(1)},
      &client_root());
  X509_set_pubkey(brief.certificate.get(), valid.key.get());
  const int skid = X509_get_ext_by_NID(brief.certificate.get(), NID_subject_key_identifier, -1);
  X509_EXTENSION_free(X509_delete_ext(brief.certificate.get(), skid));
  X509_sign(brief.certificate.get(), client_root().key.get(), EVP_sha256());
  auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}));
  trust->strict_profile = false;
  Gateway gateway({{.trust = trust}});
  gateway.advance(std::chrono::hours(2));
  const Issued leaf = make_client("x", valid);
  CHECK(outcome(gateway, leaf, {&brief, &valid}) == Reason::none);
  CHECK(outcome(gateway, leaf, {&brief}) == Reason::expired);
}
