#include "pki/validity.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace gateway::pki;
using namespace std::chrono_literals;
using std::chrono::sys_seconds;

namespace {
constexpr sys_seconds kNow = sys_seconds(std::chrono::sys_days{std::chrono::year{2026} / 10 / 31}) + 12h + 34min + 56s;
}

TEST_CASE("a validity begins a little before now, for clocks that are behind") {
  const Validity validity = validity_of_days(kNow, 365);
  CHECK(validity.not_before == kNow - kClockSkew);
  CHECK(validity.not_after == kNow + std::chrono::days{365});
}

TEST_CASE("a negative number of days gives a validity that has ended") {
  const Validity validity = validity_of_days(kNow, -1);
  CHECK(validity.not_after == kNow - 24h);
  CHECK(validity.not_before < validity.not_after);
}

TEST_CASE("times are read as dates or as UTC instants and in no other form") {
  CHECK(parse_time("2026-10-31T12:34:56Z") == kNow);
  CHECK(parse_time("2026-10-31") == kNow - 12h - 34min - 56s);
  CHECK(format_time(kNow) == "2026-10-31T12:34:56Z");
  for (const char* text : {"", "2026-10-31T12:34:56", "2026-10-31T12:34:56+01:00", "2026-02-30", "2026-13-01",
                           "2026-1-1", "2026-10-31T24:00:00Z", "2026-10-31 12:34:56Z", "tomorrow", "+026-10-31"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text));
  }
}

TEST_CASE("index times have two digits of the year until 2049 and four from 2050 on") {
  CHECK(format_index_time(kNow) == "261031123456Z");
  CHECK(parse_index_time("261031123456Z") == kNow);
  const auto late = parse_time("2050-01-01T00:00:00Z");
  REQUIRE(late);
  CHECK(format_index_time(*late) == "20500101000000Z");
  CHECK(parse_index_time("20500101000000Z") == late);
  CHECK(parse_index_time("500101000000Z") == parse_time("1950-01-01"));
  CHECK_FALSE(parse_index_time("261031123456"));
}
