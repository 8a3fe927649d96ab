#include "tls/crl_file.h"

#include <doctest/doctest.h>
#include <openssl/err.h>

#include <set>

#include "test_gateway.h"
#include "tls/asn1_values.h"
#include "tls/crl_cache.h"
#include "tls/crl_der.h"
#include "tls/der_reader.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using namespace std::string_literals;

namespace {

std::string error_of(const std::string& file) {
  const auto crls = parse_crl_file(file);
  return crls ? "" : crls.error().detail;
}

Extension issuing_point(const std::string& hex) {
  return {"issuingDistributionPoint", "critical,DER:" + hex};
}

const ParsedCrl& only(const CrlFile& file) {
  REQUIRE(file->size() == 1);
  return file->front();
}

// The CRL with `before` of its TBSCertList, which stands there once, replaced: parsing needs no true signature.
Der with_replaced(const Der& crl, const std::string& before, const std::string& after) {
  const std::string_view list = DerReader(crl).take(kDerSequence).value();
  const std::string_view whole_tbs = DerReader(list).next().value().whole;
  std::string tbs(DerReader(whole_tbs).take(kDerSequence).value());
  const std::size_t at = tbs.find(before);
  REQUIRE(at != std::string::npos);
  tbs.replace(at, before.size(), after);
  return der_value(kDerSequence, der_value(kDerSequence, tbs).append(list.substr(whole_tbs.size())));
}

// A CRL whose entries are `entries`.
Der with_entries(const std::string& entries) {
  const Der crl = make_crl(client_root(), {.filler_entries = 1});
  const auto parts = split_crl(crl);
  REQUIRE(parts);
  return with_replaced(crl, der_value(kDerSequence, parts->entries), der_value(kDerSequence, entries));
}

std::string entry(const std::string& serial, const std::string& extensions = "") {
  return der_value(kDerSequence, der_value(kDerInteger, serial) + der_value(kDerUtcTime, "260101000000Z") + extensions);
}

std::string extension(const std::string& oid, bool is_critical, const std::string& value = "\x0a\x01\x01") {
  return der_value(kDerSequence,
                   der_value(kDerOid, oid) + (is_critical ? "\x01\x01\xff"s : ""s) + der_value(kDerOctetString, value));
}

std::string extensions(const std::string& each) {
  return der_value(kDerSequence, each);
}

}  // namespace

TEST_CASE("a CRL file may be DER or PEM with several") {
  const Der first = make_crl(client_root(), {.filler_entries = 1000});
  const Der second = make_crl(server_ca(), {});
  for (const std::string& file : {first, crl_pem(first), "comment\n" + crl_pem(first) + client_root().pem()}) {
    const auto crls = parse_crl_file(file);
    REQUIRE(crls);
    CHECK(only(*crls).info.issuer == "CN=Client Root");
    CHECK(only(*crls).info.entries == 1000);
  }
  CHECK(parse_crl_file(crl_pem(first) + crl_pem(second)).value()->size() == 2);
}

TEST_CASE("what could not be applied in full is refused, and said") {
  const auto with = [](const Extension& one) { return make_crl(client_root(), {.extensions = {one}}); };
  CHECK(error_of("nonsense").starts_with("not a CRL"));
  CHECK(error_of("").starts_with("not a CRL"));
  CHECK(error_of(make_crl(client_root(), {}) + "x").starts_with("not a CRL"));
  CHECK(error_of(client_root().der()).starts_with("not a CRL"));
  CHECK(error_of(client_root().pem()).starts_with("no CRL among"));
  CHECK(error_of(with({"deltaCRL", "critical,DER:020101"})).starts_with("a delta CRL"));
  CHECK(error_of(with({"deltaCRL", "DER:020101"})).starts_with("a delta CRL"));
  CHECK(error_of(with({"1.2.3.4", "critical,DER:0500"})).find("critical extension") != std::string::npos);
  CHECK(error_of(with({"1.2.3.4", "DER:0500"})).empty());
  CHECK(error_of(with(issuing_point("30038401ff"))).starts_with("an indirect CRL"));
  CHECK(error_of(with(issuing_point("300483020780"))).find("reasons") != std::string::npos);
  CHECK(error_of(with(issuing_point("30038501ff"))).find("attribute") != std::string::npos);
  CHECK(error_of(with(issuing_point("30068101ff8201ff"))).find("covers no") != std::string::npos);
  CHECK(error_of(with(issuing_point("0500"))).find("can't be read") != std::string::npos);
  CHECK(error_of(with({"issuingDistributionPoint", "DER:30038401ff"})).starts_with("an indirect CRL"));
  const std::string pem = crl_pem(make_crl(client_root(), {}));
  CHECK_FALSE(error_of(pem.substr(0, pem.size() / 2)).empty());
}

TEST_CASE("a CRL cut anywhere is no CRL") {
  const Der crl = make_crl(client_root(), {.filler_entries = 3});
  for (std::size_t size = 0; size < crl.size(); ++size) CHECK_FALSE(error_of(crl.substr(0, size)).empty());
}

TEST_CASE("the kinds of certificates that a CRL covers are read") {
  const auto scope = [](const std::string& hex) {
    const auto file = parse_crl_file(make_crl(client_root(), {.extensions = {issuing_point(hex)}})).value();
    const ParsedCrl& crl = only(file);
    return std::tuple(crl.covers_end_entities, crl.covers_cas, crl.partitioned);
  };
  CHECK(scope("30038101ff") == std::tuple(true, false, true));
  CHECK(scope("30038201ff") == std::tuple(false, true, true));
  CHECK(scope("3007a005a003860161") == std::tuple(true, true, true));
  const auto plain = parse_crl_file(make_crl(client_root(), {})).value();
  CHECK(only(plain).covers_cas);
  CHECK_FALSE(only(plain).partitioned);
}

TEST_CASE("every entry counts, whatever its date and reason") {
  const std::string odd =
      der_value(kDerSequence, der_value(kDerInteger, "\x08") + der_value(kDerGeneralizedTime, "never"));
  const auto file =
      parse_crl_file(with_entries(entry("\x05") + entry("\x06", extensions(extension("\x55\x1d\x15", true))) +
                                  entry("\x07", extensions(extension("\x55\x1d\x15", false, "\x0a\x01\x08"))) + odd +
                                  entry("\x00\x80"s) + entry("\xff")));
  REQUIRE(file);
  const SerialSet& revoked = only(*file).revoked;
  CHECK(revoked.size() == 6);
  for (const std::string& serial : {"\x05"s, "\x06"s, "\x07"s, "\x08"s, "\x00\x80"s, "\xff"s})
    CHECK(revoked.contains(serial));
  CHECK_FALSE(revoked.contains("\x80"));
}

TEST_CASE("an entry that can't be applied refuses its CRL") {
  CHECK(error_of(with_entries(entry("\x05", extensions(extension("\x55\x1d\x1d", true))))).find("another issuer") !=
        std::string::npos);
  CHECK(error_of(with_entries(entry("\x05", extensions(extension("\x55\x1d\x1d", false))))).find("another issuer") !=
        std::string::npos);
  CHECK(error_of(with_entries(entry("\x05", extensions(extension("\x2a\x03", true))))).find("critical") !=
        std::string::npos);
  CHECK(error_of(with_entries(entry("\x05", extensions(extension("\x2a\x03", false))))).empty());
  CHECK(error_of(with_entries(entry("\x05") + entry(std::string(256, 'x')))).starts_with("an overlong serial"));
  for (const std::string& bad : {
           entry(""),                                                       // no serial
           entry("\x00\x05"s),                                              // not in its shortest form
           entry("\xff\x85"),                                               // nor is this one
           der_value(kDerSequence, der_value(kDerInteger, "\x05")),         // no date
           entry("\x05", "\x05\x00"s),                                      // more than there may be
           entry("\x05", extensions("\x05\x00"s)),                          // no extension
           entry("\x05", extensions(der_value(kDerSequence, "\x06\x01*")))  // without a value
       }) {
    CHECK(error_of(with_entries(bad)).find("not DER") != std::string::npos);
    CHECK(error_of(with_entries(entry("\x05") + bad)).find("not DER") != std::string::npos);
  }
}

TEST_CASE("a second list of revoked certificates can't stand in for the first") {
  const std::string first = der_value(kDerSequence, entry("\x05"));
  const std::string second = der_value(kDerSequence, entry("\x06"));
  CHECK(error_of(with_entries(entry("\x05"))).empty());
  CHECK(error_of(with_replaced(with_entries(entry("\x05")), first, first + second)).starts_with("not a CRL"));
}

TEST_CASE("our walk over the entries finds what OpenSSL finds") {
  std::vector<Issued> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(make_client("c", client_root()));
  CrlSpec spec{.filler_entries = 500};
  for (const Issued& one : clients) spec.revoked.push_back(&one);
  const Der der = make_crl(client_root(), spec);
  const auto ours = parse_crl_file(der).value();
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const CrlPtr theirs(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  REQUIRE(theirs);
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(theirs.get());
  std::set<std::string> serials;
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i)
    serials.insert(serial_bytes_of(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
  CHECK(only(ours).revoked.size() == serials.size());
  for (const std::string& serial : serials) CHECK(only(ours).revoked.contains(serial));
  CHECK(only(ours).info.this_update == time_of(X509_CRL_get0_lastUpdate(theirs.get())));
  CHECK(only(ours).info.next_update == time_of(X509_CRL_get0_nextUpdate(theirs.get())));
}

TEST_CASE("a CRL's signature is known by its key, with every kind of key") {
  for (const KeyKind kind : {KeyKind::p256, KeyKind::rsa2048, KeyKind::ed25519}) {
    const CertificateSpec spec{.common_name = "A CA", .is_ca = true, .key = kind};
    const Issued ca = issue(spec, nullptr);
    const Issued other = issue(spec, nullptr);
    const Der der = make_crl(ca, {.filler_entries = 3});
    const auto file = parse_crl_file(der).value();
    const CrlSignature& signature = only(file).signature;
    CHECK(signature.is_by(ca.key.get(), nullptr));
    CHECK_FALSE(signature.is_by(other.key.get(), nullptr));
    CHECK_FALSE(signature.is_by(server_ca().key.get(), nullptr));
    CHECK_FALSE(signature.is_by(nullptr, nullptr));
    Der changed = der;
    changed[changed.find("A CA")] = 'B';
    CHECK_FALSE(only(parse_crl_file(changed).value()).signature.is_by(ca.key.get(), nullptr));
    CHECK(ERR_peek_error() == 0);
  }
}

TEST_CASE("a CRL that says two things of its signature is refused") {
  Der der = make_crl(client_root(), {});
  // ecdsa-with-SHA256 stands in it twice; the second, outside of what is signed, becomes ecdsa-with-SHA384.
  const std::string name = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
  const std::size_t second = der.rfind(name);
  REQUIRE(second != der.find(name));
  der[second + 7] = '\x03';
  CHECK(error_of(der).find("two different signature algorithms") != std::string::npos);
}

TEST_CASE("the same bytes are parsed once, for as long as somebody uses them") {
  CrlCache cache;
  const Der crl = make_crl(client_root(), {.filler_entries = 10});
  CrlFile first = cache.parse(crl).value();
  CHECK(cache.parse(crl).value() == first);
  CHECK(cache.parse(Der(crl)).value() == first);
  CHECK(cache.parsed() == 1);
  const CrlFile other = cache.parse(make_crl(server_ca(), {})).value();
  CHECK(other != first);
  CHECK(cache.parsed() == 2);
  CHECK_FALSE(cache.parse("nonsense"));
  const std::weak_ptr<const std::vector<ParsedCrl>> gone = first;
  first.reset();
  CHECK(gone.expired());
  CHECK(cache.parse(crl));
  CHECK(cache.parsed() == 3);
}
