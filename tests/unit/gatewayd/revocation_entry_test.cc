#include "gatewayd/revocation_entry.h"

#include <doctest/doctest.h>

#include <string>

using namespace gateway::gatewayd;
namespace tls = gateway::tls;

namespace {

const std::string kHex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

RevocationEntry entry(const std::string& json) {
  const auto made = entry_from_json(json);
  REQUIRE_MESSAGE(made, made.error().detail);
  return *made;
}

std::string error(const std::string& json) {
  const auto made = entry_from_json(json);
  return made ? "" : made.error().detail;
}

}  // namespace

TEST_CASE("a certificate is named by fingerprint or serial number, in any usual spelling") {
  std::string colons;
  for (std::size_t i = 0; i < kHex.size(); i += 2) {
    const bool last = i + 2 == kHex.size();
    colons += static_cast<char>(std::toupper(kHex[i]));
    colons += static_cast<char>(std::toupper(kHex[i + 1]));
    if (!last) colons += ':';
  }
  for (const std::string& written : {"sha256:" + kHex, kHex, colons}) {
    const RevocationEntry made = entry(R"({"fingerprint": ")" + written + R"("})");
    CHECK(made.fingerprint == "sha256:" + kHex);
    CHECK(certificate_of(made) == certificate_of(entry(R"({"fingerprint": ")" + kHex + R"("})")));
  }
  const RevocationEntry serial = entry(R"({"serial": "0x0a:1b", "issuer": "O = b, CN = a", "comment": "lost"})");
  CHECK(serial.serial == "0A1B");
  CHECK(describe(serial) == "serial 0A1B of O = b, CN = a");
  CHECK(certificate_of(serial) == certificate_of(entry(R"({"serial": "A1B", "issuer": "cn=a,o=b"})")));
  CHECK_FALSE(certificate_of(serial) == certificate_of(entry(R"({"serial": "A1B"})")));
  const RevocationEntry issuer = entry(R"({"serial": "1", "issuer": "sha256:)" + kHex + R"("})");
  CHECK(std::holds_alternative<tls::IssuerCertificate>(certificate_of(issuer).issuer));
}

TEST_CASE("what names no certificate is refused") {
  CHECK(error("") == "is no JSON object");
  CHECK(error("[]") == "is no JSON object");
  CHECK(error("{}") == "a certificate is named by its fingerprint or by its serial number");
  CHECK(error(R"({"serial": "1", "fingerprint": ")" + kHex + R"("})") ==
        "a certificate is named by its fingerprint or by its serial number");
  CHECK(error(R"({"serial": 1})") == "'serial' is no text");
  CHECK(error(R"({"serial": "1", "reason": "x"})") == "has the unknown member 'reason'");
  CHECK(error(R"({"serial": "1", "added": 5})") == "has the unknown member 'added'");
  CHECK(error(R"({"serial": "12 34"})").starts_with("a serial number is hexadecimal"));
  CHECK(error(R"({"fingerprint": "sha256:12"})") == "a fingerprint is sha256: and 64 hexadecimal digits");
  CHECK(error(R"({"fingerprint": ")" + kHex + R"(00"})") == "a fingerprint is sha256: and 64 hexadecimal digits");
  CHECK(error(R"({"fingerprint": ")" + kHex + R"(", "issuer": "CN=a"})") == "a fingerprint needs no issuer");
  CHECK(error(R"({"serial": "1", "issuer": "My CA"})").starts_with("an issuer is a name such as"));
  CHECK(error(R"({"serial": "1", "issuer": "sha256:00"})").starts_with("the fingerprint of an issuer's certificate"));
  CHECK(error(R"({"serial": "1", "comment": "a\nb"})").starts_with("comment and issuer are one line each"));
  CHECK(error(R"({"serial": "1", "comment": ")" + std::string(1025, 'x') + R"("})").starts_with("comment and issuer"));
}

TEST_CASE("the file gives back what was put in") {
  std::vector<RevocationEntry> entries{entry(R"({"fingerprint": ")" + kHex + R"(", "comment": "a \" b"})"),
                                       entry(R"({"serial": "00"})"), entry(R"({"serial": "0A", "issuer": "CN=a"})")};
  entries[1].added = std::chrono::sys_seconds(std::chrono::seconds(1'900'000'000));
  const auto back = decode_revocations(encode_revocations(entries));
  REQUIRE(back);
  REQUIRE(back->size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CHECK(certificate_of((*back)[i]) == certificate_of(entries[i]));
    CHECK((*back)[i].comment == entries[i].comment);
    CHECK((*back)[i].issuer == entries[i].issuer);
    CHECK(((*back)[i].added == entries[i].added));
  }
  CHECK(decode_revocations(encode_revocations({})).value().empty());
}

TEST_CASE("a file that is damaged anywhere is no list") {
  const std::string good = encode_revocations({entry(R"({"serial": "0A"})"), entry(R"({"serial": "0B"})")});
  for (std::size_t size = 0; size + 1 < good.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decode_revocations(std::string_view(good).substr(0, size)));
  }
  const auto why = [](const std::string& text) {
    const auto list = decode_revocations(text);
    return list ? std::string() : list.error().detail;
  };
  CHECK(why(R"({"format": 2, "revocations": []})") == "has a format that this version does not know");
  CHECK(why(R"({"format": 1})") == "needs 'format' and 'revocations', and nothing else");
  CHECK(why(R"({"format": 1, "revocations": [], "more": 1})") == "needs 'format' and 'revocations', and nothing else");
  CHECK(why(R"({"format": 1, "revocations": {}})").starts_with("'revocations' is no list"));
  CHECK(why(R"({"format": 1, "revocations": [{"serial": "0A"}, {}]})") ==
        "revocations[1]: a certificate is named by its fingerprint or by its serial number");
}
