#include "tls/crl_index.h"

#include <doctest/doctest.h>

#include <thread>

#include "test_gateway.h"
#include "tls/asn1_values.h"
#include "tls/chain_verifier.h"
#include "tls/crl_file.h"
#include "tls/digest.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Sha256;
using Finding = CrlIndex::Finding;

namespace {

Sha256 key_of(const Issued& issuer) {
  X509* certificate = issuer.certificate.get();
  return sha256({name_der_of(X509_get_subject_name(certificate)), public_key_der_of(certificate)});
}

std::string serial_of(const Issued& issued) {
  return serial_bytes_of(X509_get0_serialNumber(issued.certificate.get()));
}

std::shared_ptr<const CrlIndex> build(const std::vector<std::string>& files,
                                      const std::vector<Issued>& anchors = {client_root()}) {
  std::vector<Der> ders;
  for (const Issued& anchor : anchors) ders.push_back(anchor.der());
  std::vector<CrlFile> parsed;
  for (const std::string& file : files) {
    auto crls = parse_crl_file(file);
    if (!crls) FAIL(crls.error().detail);
    parsed.push_back(*crls);
  }
  auto index = CrlIndex::build(parsed, ders);
  if (!index) FAIL(index.error().detail);
  return *index;
}

Finding look_up(const CrlIndex& index, const Issued& issuer, const Issued& subject,
                std::chrono::sys_seconds now = real_now(), bool is_ca = false) {
  return index.look_up(key_of(issuer), serial_of(subject), is_ca, now);
}

}  // namespace

TEST_CASE("an anchor's CRL is looked up by issuer and serial") {
  const Issued good = make_client("good", client_root());
  const Issued bad = make_client("bad", client_root());
  const Der crl = make_crl(client_root(), {.revoked = {&bad}, .filler_entries = 1000});
  for (const std::string& file : {crl, crl_pem(crl), "comment\n" + crl_pem(crl) + crl_pem(make_crl(server_ca(), {}))}) {
    const auto index = build({file});
    CHECK(look_up(*index, client_root(), bad) == Finding::revoked);
    CHECK(look_up(*index, client_root(), good) == Finding::good);
    const auto infos = index->describe();
    REQUIRE_FALSE(infos.empty());
    CHECK(infos[0].issuer == "CN=Client Root");
    CHECK(infos[0].entries == 1001);
  }
}

TEST_CASE("the key of an issuer is what the chain verifier computes") {
  CHECK(key_of(client_root()) == issuer_key_of(client_root().certificate.get(), EVP_sha256()));
}

TEST_CASE("without CRLs nothing is found, whoever asks") {
  const auto index = build({});
  CHECK(look_up(*index, client_root(), server_ca()) == Finding::no_crl);
  CHECK(look_up(*index, server_ca(), server_ca()) == Finding::no_crl);
  CHECK(index->describe().empty());
}

TEST_CASE("the anchors that an index was built with are known by their fingerprints") {
  const auto index = build({});
  CHECK(index->is_anchor(sha256({client_root().der()})));
  CHECK_FALSE(index->is_anchor(sha256({server_ca().der()})));
}

TEST_CASE("a CRL under an anchor's name that the anchor did not sign is refused") {
  const Issued twin = make_root("Client Root");
  Der broken = make_crl(client_root(), {});
  broken.back() = static_cast<char>(broken.back() ^ 1);
  const CrlFile good = parse_crl_file(make_crl(client_root(), {})).value();
  for (const Der& forged : {make_crl(twin, {}), broken}) {
    const auto index = CrlIndex::build(std::vector{good, parse_crl_file(forged).value()}, {client_root().der()});
    REQUIRE_FALSE(index);
    CHECK(index.error().file == 1);
    CHECK(index.error().detail.find("signature") != std::string::npos);
  }
  // Of two anchors with one name either may have signed.
  build({make_crl(twin, {})}, {client_root(), twin});
}

TEST_CASE("a file that is named twice counts once") {
  const Der crl = make_crl(client_root(), {});
  const CrlFile file = parse_crl_file(crl).value();
  const auto index = CrlIndex::build(std::vector{file, file}, {client_root().der()});
  REQUIRE(index);
  CHECK((*index)->describe().size() == 1);
}

TEST_CASE("of several complete CRLs of an issuer the last one counts") {
  const Issued held = make_client("held", client_root());
  const auto now = real_now();
  const Der older = make_crl(client_root(), {.revoked = {&held}, .this_update = now - std::chrono::hours(5)});
  const Der newer = make_crl(client_root(), {.this_update = now - std::chrono::hours(1)});
  CHECK(look_up(*build({older, newer}), client_root(), held) == Finding::good);
  CHECK(look_up(*build({newer, older}), client_root(), held) == Finding::good);
  for (const auto& files : {std::vector{older, newer}, std::vector{newer, older}}) {
    for (const auto& crl : build(files)->describe()) {
      CHECK(crl.superseded == (crl.this_update < now - std::chrono::hours(2)));
    }
  }
}

TEST_CASE("CRLs for distribution points stand beside each other") {
  const Issued a = make_client("a", client_root());
  const Issued b = make_client("b", client_root());
  const auto point = [](const std::string& uri_hex) {
    return Extension{"issuingDistributionPoint", "critical,DER:3007a005a0038601" + uri_hex};
  };
  const Der first = make_crl(client_root(), {.revoked = {&a}, .extensions = {point("61")}});
  const Der second = make_crl(client_root(), {.revoked = {&b}, .extensions = {point("62")}});
  const auto index = build({first, second});
  CHECK(look_up(*index, client_root(), a) == Finding::revoked);
  CHECK(look_up(*index, client_root(), b) == Finding::revoked);
  for (const auto& crl : index->describe()) CHECK_FALSE(crl.superseded);
}

TEST_CASE("a CRL proves nothing of the kinds of certificates that it does not cover") {
  const Issued user = make_client("user", client_root());
  const Issued sub = make_intermediate("Sub CA", client_root());
  const auto only = [](const char* hex) {
    return Extension{"issuingDistributionPoint", std::string("critical,DER:") + hex};
  };
  const Der users = make_crl(client_root(), {.revoked = {&user}, .extensions = {only("30038101ff")}});
  const auto find = [](const CrlIndex& index, const Issued& subject, bool is_ca) {
    return look_up(index, client_root(), subject, real_now(), is_ca);
  };
  const Issued other = make_client("other", client_root());
  const auto of_users = build({users});
  CHECK(find(*of_users, user, false) == Finding::revoked);
  CHECK(find(*of_users, other, false) == Finding::good);
  CHECK(find(*of_users, sub, true) == Finding::no_crl);
  const Der cas = make_crl(client_root(), {.revoked = {&sub}, .extensions = {only("30038201ff")}});
  const auto of_cas = build({cas});
  CHECK(find(*of_cas, sub, true) == Finding::revoked);
  CHECK(find(*of_cas, other, false) == Finding::no_crl);
  // A serial is one certificate's only: whichever list names it, it is revoked.
  CHECK(find(*of_cas, sub, false) == Finding::revoked);
  const auto both = build({users, cas});
  CHECK(find(*both, other, false) == Finding::good);
  CHECK(find(*both, sub, true) == Finding::revoked);
  // Each kind has its own end.
  const Der stale =
      make_crl(client_root(), {.next_update = real_now() - std::chrono::hours(1), .extensions = {only("30038201ff")}});
  const auto half_stale = build({users, stale});
  CHECK(find(*half_stale, other, false) == Finding::good);
  CHECK(find(*half_stale, other, true) == Finding::crl_expired);
}

TEST_CASE("trust sets share a parsed CRL, and yet each verifies it for itself") {
  const Issued intermediate = make_intermediate("Issuing CA", client_root());
  const Issued leaf = make_client("leaf", intermediate);
  const CrlFile file = parse_crl_file(make_crl(intermediate, {.revoked = {&leaf}})).value();
  const auto one = CrlIndex::build(std::vector{file}, {client_root().der()}).value();
  const auto two = CrlIndex::build(std::vector{file}, {client_root().der()}).value();
  CHECK(file.use_count() == 3);
  one->show_issuer(intermediate.certificate.get(), key_of(intermediate), nullptr);
  CHECK(look_up(*one, intermediate, leaf) == Finding::revoked);
  CHECK(look_up(*two, intermediate, leaf) == Finding::unknown_issuer);
}

TEST_CASE("an intermediate's CRL is claimed by the key that signed it") {
  const Issued intermediate = make_intermediate("Issuing CA", client_root());
  const Issued namesake = make_intermediate("Issuing CA", client_root());
  const Issued leaf = make_client("leaf", intermediate);
  const auto index = build({make_crl(intermediate, {.revoked = {&leaf}})});
  CHECK(look_up(*index, intermediate, leaf) == Finding::unknown_issuer);
  index->show_issuer(namesake.certificate.get(), key_of(namesake), nullptr);
  CHECK(look_up(*index, namesake, leaf) == Finding::no_crl);
  CHECK(look_up(*index, intermediate, leaf) == Finding::unknown_issuer);
  index->show_issuer(intermediate.certificate.get(), key_of(intermediate), nullptr);
  CHECK(look_up(*index, intermediate, leaf) == Finding::revoked);
  CHECK(look_up(*index, namesake, leaf) == Finding::no_crl);
  const Issued latecomer = make_intermediate("Issuing CA", client_root());
  index->show_issuer(latecomer.certificate.get(), key_of(latecomer), nullptr);
  CHECK(look_up(*index, latecomer, leaf) == Finding::no_crl);
  // Every CRL has its issuer now: no unknown one can have one.
  CHECK(look_up(*index, server_ca(), leaf) == Finding::no_crl);
}

TEST_CASE("a later index learns the issuers of the one before") {
  const Issued intermediate = make_intermediate("Issuing CA", client_root());
  const Issued leaf = make_client("leaf", intermediate);
  const auto before = build({});
  before->show_issuer(intermediate.certificate.get(), key_of(intermediate), nullptr);
  const auto after = build({make_crl(intermediate, {.revoked = {&leaf}})});
  CHECK(look_up(*after, intermediate, leaf) == Finding::unknown_issuer);
  after->show_issuers_of(*before);
  CHECK(look_up(*after, intermediate, leaf) == Finding::revoked);
}

TEST_CASE("threads may show issuers and look up at once") {
  std::vector<Issued> intermediates;
  std::vector<std::string> crls;
  for (int i = 0; i < 8; ++i) {
    intermediates.push_back(make_intermediate("CA " + std::to_string(i), client_root()));
    crls.push_back(make_crl(intermediates.back(), {.revoked = {&server_ca()}}));
  }
  const auto index = build(crls);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (const Issued& one : intermediates) {
        index->show_issuer(one.certificate.get(), key_of(one), nullptr);
        CHECK(look_up(*index, one, server_ca()) == Finding::revoked);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("more issuers than are remembered leave the index working") {
  const Issued base = make_intermediate("CA", client_root());
  const auto index = build({make_crl(base, {})});
  const Issued plain = make_intermediate("no CRL", client_root());
  for (std::uint32_t i = 0; i < 3000; ++i) {
    index->show_issuer(plain.certificate.get(), sha256({std::to_string(i)}), nullptr);
  }
  CHECK(index->look_up(sha256({std::string("0")}), "x", false, real_now()) == Finding::no_crl);
  CHECK(index->look_up(sha256({std::string("2999")}), "x", false, real_now()) == Finding::unknown_issuer);
}
