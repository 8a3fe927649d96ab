#include "tls/crl_index.h"

#include <doctest/doctest.h>

#include <thread>

#include "test_gateway.h"
#include "tls/asn1_values.h"
#include "tls/chain_verifier.h"
#include "tls/digest.h"
#include "tls/serial_set.h"

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
  auto index = CrlIndex::build(files, ders);
  if (!index) FAIL(index.error().detail);
  return *index;
}

std::string build_error(const std::vector<std::string>& files) {
  auto index = CrlIndex::build(files, {client_root().der()});
  return index ? "" : index.error().detail;
}

Finding look_up(const CrlIndex& index, const Issued& issuer, const Issued& subject,
                std::chrono::sys_seconds now = real_now()) {
  return index.look_up(key_of(issuer), serial_of(subject), now);
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

TEST_CASE("files that could not be applied in full are refused with their index") {
  CHECK(build_error({"nonsense"}).starts_with("CRL file 0: not a CRL"));
  CHECK(build_error({""}).starts_with("CRL file 0"));
  CHECK(build_error({make_crl(client_root(), {}), client_root().pem()}).starts_with("CRL file 1: no CRL"));
  const Issued twin = make_root("Client Root");
  CHECK(build_error({make_crl(twin, {})}).find("signature") != std::string::npos);
  Der broken = make_crl(client_root(), {});
  broken.back() = static_cast<char>(broken.back() ^ 1);
  CHECK(build_error({broken}).find("signature") != std::string::npos);
  CHECK(build_error({make_crl(client_root(), {}) + "x"}).find("not a CRL") != std::string::npos);
  CHECK(build_error({make_crl(client_root(), {.extensions = {{"deltaCRL", "critical,DER:020101"}}})}).find("delta") !=
        std::string::npos);
  CHECK(build_error({make_crl(client_root(), {.extensions = {{"1.2.3.4", "critical,DER:0500"}}})}).find("critical") !=
        std::string::npos);
  CHECK(
      build_error({make_crl(client_root(), {.extensions = {{"issuingDistributionPoint", "critical,DER:30038401ff"}}})})
          .find("indirect") != std::string::npos);
  const std::string pem = crl_pem(make_crl(client_root(), {}));
  CHECK_FALSE(build_error({pem.substr(0, pem.size() / 2)}).empty());
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
  CHECK(index->look_up(sha256({std::string("0")}), "x", real_now()) == Finding::no_crl);
  CHECK(index->look_up(sha256({std::string("2999")}), "x", real_now()) == Finding::unknown_issuer);
}

TEST_CASE("a serial set holds what was put into it") {
  SerialSet set(3);
  CHECK_FALSE(set.contains("a"));
  for (const char* serial : {"a", "ab", "b"}) CHECK(set.insert(serial));
  CHECK(set.insert("a"));
  CHECK(set.insert(std::string("\0", 1)));
  CHECK(set.size() == 4);
  CHECK(set.contains(std::string("\0", 1)));
  CHECK(set.contains("ab"));
  CHECK_FALSE(set.contains("abc"));
  CHECK_FALSE(set.contains(""));
  CHECK_FALSE(set.insert(std::string(256, 'x')));
  CHECK_FALSE(SerialSet().contains("a"));
}
