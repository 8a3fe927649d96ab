#include "tls/ocsp_table.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "tls/limits.h"
#include "tls/ocsp_response.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using namespace std::chrono_literals;
using gateway::core::Reason;
using What = OcspEntry::What;

namespace {

const std::chrono::sys_seconds kNow{1'900'000'000s};

OcspKey key(const std::string& serial, std::uint8_t issuer = 1) {
  OcspKey made;
  made.issuer_key[0] = issuer;
  made.serial = serial;
  return made;
}

OcspEntry entry(What what, std::chrono::seconds lasts = 100s) {
  return {.what = what, .until = kNow + lasts, .ask_again = kNow + lasts, .detail = ""};
}

OcspAnswer answer(OcspStatus status, std::chrono::seconds lasts) {
  OcspAnswer made;
  made.status = status;
  made.fresh_until = kNow + lasts;
  return made;
}

std::string known(const OcspTable& table, const OcspKey& asked, std::chrono::sys_seconds now = kNow) {
  const OcspEntry* found = table.find(asked, now);
  return found == nullptr ? "nothing" : std::string(to_string(found->what));
}

}  // namespace

TEST_CASE("an OCSP answer is known until it ends, under its own key only") {
  OcspTable table;
  table.put(key("a"), entry(What::good), kNow);
  CHECK(known(table, key("a")) == "good");
  CHECK(known(table, key("a"), kNow + 99s) == "good");
  CHECK(known(table, key("a"), kNow + 100s) == "nothing");
  CHECK(known(table, key("b")) == "nothing");
  CHECK(known(table, key("a", 2)) == "nothing");
  OcspKey other = key("a");
  other.authority[0] = 1;
  CHECK(known(table, other) == "nothing");
}

TEST_CASE("a newer OCSP answer replaces an older one, whatever they say") {
  OcspTable table;
  for (const What what : {What::good, What::revoked, What::good, What::unknown, What::revoked, What::unknown}) {
    table.put(key("a"), entry(what), kNow);
    CHECK(known(table, key("a")) == to_string(what));
  }
}

TEST_CASE("that a responder is silent ends no answer that still counts, and is not asked about again for a while") {
  OcspTable table;
  table.put(key("a"), entry(What::good), kNow);
  const OcspEntry& kept = table.put(key("a"), unavailable_entry("silence", kNow + 10s), kNow + 10s);
  CHECK(kept.what == What::good);
  CHECK(kept.until == kNow + 100s);
  CHECK(kept.ask_again == kNow + 10s + kOcspRetry);
  table.put(key("a"), unavailable_entry("silence", kNow + 100s), kNow + 100s);
  CHECK(known(table, key("a"), kNow + 100s) == "unavailable");
  CHECK(known(table, key("a"), kNow + 100s + kOcspRetry) == "nothing");
}

TEST_CASE("what is revoked stays so when its responder falls silent, until a newer answer") {
  OcspTable table;
  table.put(key("a"), entry(What::revoked), kNow);
  const auto later = kNow + 1000s;
  CHECK(known(table, key("a"), later) == "nothing");
  CHECK(table.put(key("a"), unavailable_entry("silence", later), later).what == What::revoked);
  CHECK(known(table, key("a"), later) == "revoked");
  CHECK(known(table, key("a"), later + kOcspRetry) == "nothing");
  OcspEntry good = entry(What::good);
  good.until = later + 100s;
  table.put(key("a"), good, later);
  CHECK(known(table, key("a"), later) == "good");
}

TEST_CASE("an OCSP table is bounded, and forgets what is oldest") {
  OcspTable table(3);
  for (const char* serial : {"a", "b", "c"}) table.put(key(serial), entry(What::good), kNow);
  table.put(key("a"), entry(What::revoked), kNow);
  table.put(key("d"), entry(What::good), kNow);
  CHECK(table.size() == 3);
  CHECK(known(table, key("b")) == "nothing");
  CHECK(known(table, key("a")) == "revoked");
  for (int i = 0; i < 100; ++i) table.put(key(std::to_string(i)), entry(What::good), kNow);
  CHECK(table.size() == 3);
  CHECK(known(table, key("99")) == "good");
}

TEST_CASE("soft forgives silence only: revoked and unknown refuse in both modes") {
  for (const OcspMode mode : {OcspMode::soft, OcspMode::hard}) {
    CHECK(entry(What::good).judge(mode) == Reason::none);
    CHECK(entry(What::revoked).judge(mode) == Reason::ocsp_revoked);
    CHECK(entry(What::unknown).judge(mode) == Reason::ocsp_unavailable);
  }
  CHECK(entry(What::unavailable).judge(OcspMode::soft) == Reason::none);
  CHECK(entry(What::unavailable).judge(OcspMode::hard) == Reason::ocsp_unavailable);
}

TEST_CASE("an answer is asked for again a little before it ends") {
  const auto ahead = [](std::chrono::seconds lasts) {
    const OcspEntry made = entry_of(answer(OcspStatus::good, lasts), kNow);
    CHECK(made.until == kNow + lasts);
    return made.until - made.ask_again;
  };
  CHECK(ahead(1h) == kOcspRefreshAhead);
  CHECK(ahead(60s) == 6s);
  CHECK(ahead(5s) == 0s);
  CHECK(entry_of(answer(OcspStatus::unknown, 1h), kNow).detail == "the responder does not know the certificate");
}
