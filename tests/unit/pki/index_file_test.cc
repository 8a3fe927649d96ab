#include "pki/index_file.h"

#include <doctest/doctest.h>

#include <string>

#include "pki/validity.h"

using namespace gateway::pki;

TEST_CASE("an index of openssl-ca is read and written byte for byte") {
  const std::string text =
      "V\t271122041959Z\t\t9031FA5B\tunknown\t/O=Example/CN=web\n"
      "R\t271122041959Z\t261122041959Z,keyCompromise\t0A\tunknown\t/CN=lost\n"
      "R\t271122041959Z\t261122041959Z\t0B\tunknown\t/CN=a\\\tb\n"
      "E\t20601121041959Z\t\t0C\tunknown\t/CN=old\n";
  const auto rows = parse_index(text, "index.txt");
  REQUIRE(rows);
  REQUIRE(rows->size() == 4);
  CHECK((*rows)[0].status == IndexStatus::valid);
  CHECK((*rows)[0].subject == "/O=Example/CN=web");
  CHECK((*rows)[1].revocation == "261122041959Z,keyCompromise");
  CHECK((*rows)[2].subject == "/CN=a\tb");
  CHECK((*rows)[3].not_after == parse_time("2060-11-21T04:19:59Z"));
  CHECK(format_index(*rows) == text);
}

TEST_CASE("a line that is none of a database is refused with its number") {
  const std::string good = "V\t271122041959Z\t\t0A\tunknown\t/CN=web\n";
  for (const char* bad : {"V\t271122041959Z\t\t0A\tunknown\n",             // a field is missing
                          "X\t271122041959Z\t\t0A\tunknown\t/CN=a\n",      // no such status
                          "V\t2711220419Z\t\t0A\tunknown\t/CN=a\n",        // no time
                          "V\t271122041959Z\t\tnone\tunknown\t/CN=a\n",    // no serial
                          "R\t271122041959Z\t\t0A\tunknown\t/CN=a\n",      // revoked, but when?
                          "R\t271122041959Z\tsoon\t0A\tunknown\t/CN=a\n",  // revoked, but when?
                          "V\t271122041959Z\t261122041959Z\t0A\tunknown\t/CN=a\n"}) {
    CAPTURE(bad);
    const auto rows = parse_index(good + bad, "index.txt");
    REQUIRE_FALSE(rows);
    CHECK(rows.error().file == "index.txt");
    CHECK(rows.error().message.find("line 2") != std::string::npos);
  }
}

TEST_CASE("serials compare by value, however they are written") {
  CHECK(canonical_serial("0a:1b") == "0A1B");
  CHECK(canonical_serial("000a1B") == "0A1B");
  CHECK(canonical_serial("a1b") == "0A1B");
  CHECK(canonical_serial("0") == "00");
  CHECK_FALSE(canonical_serial(""));
  CHECK_FALSE(canonical_serial(":"));
  CHECK_FALSE(canonical_serial("0x1f"));
  CHECK_FALSE(canonical_serial("-1"));
}

TEST_CASE("revocation fields keep time and reason, with openssl-ca's words for reasons with an argument") {
  const auto time = parse_index_time("261122041959Z");
  REQUIRE(time);
  CHECK(format_revocation({.time = *time, .reason = RevocationReason::superseded}) == "261122041959Z,superseded");
  CHECK(format_revocation({.time = *time}) == "261122041959Z");
  const auto hold = parse_revocation("261122041959Z,holdInstruction,holdInstructionReject");
  REQUIRE(hold);
  CHECK(hold->reason == RevocationReason::certificate_hold);
  const auto compromised = parse_revocation("261122041959Z,keyTime,20261101000000Z");
  REQUIRE(compromised);
  CHECK(compromised->reason == RevocationReason::key_compromise);
  CHECK_FALSE(parse_revocation("261122041959Z,boredom"));
  CHECK(parse_reason("KEYCOMPROMISE") == RevocationReason::key_compromise);
  CHECK_FALSE(parse_reason(""));
}
