#include "proxy/ocsp_desk.h"

#include <doctest/doctest.h>

#include <vector>

using namespace gateway;
using namespace gateway::proxy;
using namespace std::chrono_literals;
using What = tls::OcspEntry::What;

namespace {

const std::chrono::sys_seconds kNow{1'900'000'000s};

tls::OcspEntry entry(What what, std::chrono::seconds lasts = 100s, std::chrono::seconds ahead = 10s) {
  return {.what = what, .until = kNow + lasts, .ask_again = kNow + lasts - ahead, .detail = ""};
}

struct Bench {
  core::EventLoop loop;
  core::DeadlineWheel wheel{loop};
  tls::OcspTable table;
  std::vector<OcspQuery> asked;
  OcspDesk desk{loop, wheel, 3, [this](OcspQuery query) { asked.push_back(std::move(query)); }, {}};
  tls::HostOptions host;

  explicit Bench(tls::OcspMode mode = tls::OcspMode::hard, std::chrono::milliseconds timeout = 2s) {
    auto trust = std::make_shared<tls::TrustSet>();
    trust->ocsp = *tls::OcspOptions::build(
        "partners", {.mode = mode, .timeout = timeout, .responder = {}, .responder_certificate = {}}, {});
    host.trust = std::move(trust);
  }
  OcspFinding look(const tls::VerifiedPeer* peer, std::chrono::sys_seconds now = kNow) {
    return desk.look(table, peer, host, now);
  }
  bool answer(const tls::OcspKey& key, tls::OcspEntry what, std::chrono::sys_seconds now = kNow) {
    return desk.on_answer(table, {.key = key, .entry = std::move(what)}, now);
  }
};

tls::VerifiedPeer peer(const std::string& serial) {
  tls::VerifiedPeer made;
  made.chain.elements = std::vector<tls::ChainElement>{{.serial = serial}, {}};
  core::PeerIdentity identity;
  identity.certificate_der = "certificate " + serial;
  made.identity = std::make_shared<const core::PeerIdentity>(std::move(identity));
  made.issuer = std::make_shared<const tls::Der>("issuer");
  return made;
}

}  // namespace

TEST_CASE("nobody is asked about anonymous clients, about anchors, or where no OCSP is wanted") {
  Bench bench;
  CHECK_FALSE(bench.look(nullptr).asked_for);
  tls::VerifiedPeer anchor = peer("a");
  anchor.chain.elements = std::vector{anchor.chain.elements.front()};
  CHECK_FALSE(bench.look(&anchor).asked_for);
  const tls::VerifiedPeer client = peer("a");
  auto plain = std::make_shared<tls::TrustSet>();
  bench.host.trust = plain;
  CHECK_FALSE(bench.look(&client).asked_for);
  bench.host.trust = nullptr;
  CHECK_FALSE(bench.look(&client).asked_for);
  CHECK(bench.asked.empty());
}

TEST_CASE("what is not known is asked once, and who waits is woken by the answer") {
  Bench bench;
  const tls::VerifiedPeer client = peer("a");
  const OcspFinding finding = bench.look(&client);
  CHECK(finding.asked_for);
  CHECK_FALSE(finding.known);
  CHECK_FALSE(bench.look(&client).known);
  REQUIRE(bench.asked.size() == 1);
  CHECK(bench.asked[0].worker == 3);
  CHECK(bench.asked[0].certificate == "certificate a");
  CHECK(*bench.asked[0].issuer == "issuer");
  CHECK(bench.asked[0].key == finding.key);
  std::vector<What> heard;
  OcspWait first(bench.desk, [&](const tls::OcspEntry& known) { heard.push_back(known.what); });
  OcspWait second(bench.desk, [&](const tls::OcspEntry& known) { heard.push_back(known.what); });
  first.begin(finding.key);
  second.begin(finding.key);
  CHECK(bench.desk.waiting() == 2);
  CHECK(bench.answer(finding.key, entry(What::revoked)));
  CHECK(heard == std::vector<What>{What::revoked, What::revoked});
  CHECK(bench.desk.waiting() == 0);
  CHECK(bench.desk.pending() == 0);
  CHECK(bench.look(&client).reason == core::Reason::ocsp_revoked);
  CHECK_FALSE(bench.answer(finding.key, entry(What::good)));
  CHECK(bench.look(&client).reason == core::Reason::none);
}

TEST_CASE("a late answer finds nobody of those who have left, whatever the order") {
  Bench bench;
  const tls::VerifiedPeer client = peer("a");
  const tls::OcspKey key = bench.look(&client).key;
  int woken = 0;
  const auto wait = [&] {
    auto made = std::make_unique<OcspWait>(bench.desk, [&](const tls::OcspEntry&) { ++woken; });
    made->begin(key);
    return made;
  };
  std::vector<std::unique_ptr<OcspWait>> waits;
  for (int i = 0; i < 5; ++i) waits.push_back(wait());
  for (const std::size_t leaving : {0U, 4U, 2U}) waits[leaving].reset();
  CHECK(bench.desk.waiting() == 2);
  bench.answer(key, entry(What::good));
  CHECK(woken == 2);
}

TEST_CASE("who is woken may end the waiting of others") {
  Bench bench;
  const tls::VerifiedPeer client = peer("a");
  const tls::OcspKey key = bench.look(&client).key;
  int woken = 0;
  std::unique_ptr<OcspWait> second;
  OcspWait first(bench.desk, [&](const tls::OcspEntry&) {
    ++woken;
    second.reset();
  });
  second = std::make_unique<OcspWait>(bench.desk, [&](const tls::OcspEntry&) { ++woken; });
  first.begin(key);
  second->begin(key);
  bench.answer(key, entry(What::good));
  CHECK(woken == 1);
}

TEST_CASE("an answer to one question wakes nobody who waits for another") {
  Bench bench;
  const tls::VerifiedPeer alice = peer("a");
  const tls::VerifiedPeer bob = peer("b");
  const tls::OcspKey key = bench.look(&alice).key;
  int woken = 0;
  OcspWait wait(bench.desk, [&](const tls::OcspEntry&) { ++woken; });
  wait.begin(bench.look(&bob).key);
  bench.answer(key, entry(What::good));
  CHECK(woken == 0);
  CHECK(bench.desk.pending() == 1);
}

TEST_CASE("the next answer is asked for before this one ends, and this one counts meanwhile") {
  Bench bench;
  const tls::VerifiedPeer client = peer("a");
  const tls::OcspKey key = bench.look(&client).key;
  bench.answer(key, entry(What::good));
  CHECK(bench.look(&client, kNow + 89s).known);
  CHECK(bench.asked.size() == 1);
  CHECK(bench.look(&client, kNow + 90s).known);
  CHECK(bench.look(&client, kNow + 91s).known);
  REQUIRE(bench.asked.size() == 2);
  CHECK(bench.asked[1].known_until == kNow + 100s);
  bench.answer(key, tls::unavailable_entry("silence", kNow + 92s), kNow + 92s);
  CHECK(bench.look(&client, kNow + 93s).reason == core::Reason::none);
  CHECK(bench.asked.size() == 2);
  CHECK(bench.look(&client, kNow + 98s).known);
  CHECK(bench.asked.size() == 3);
  CHECK_FALSE(bench.look(&client, kNow + 100s).known);
}

TEST_CASE("no answer at all is silence when the time is over") {
  for (const auto mode : {tls::OcspMode::soft, tls::OcspMode::hard}) {
    Bench bench(mode, 50ms);
    const tls::VerifiedPeer client = peer("a");
    const tls::OcspKey key = bench.look(&client).key;
    std::optional<core::Reason> heard;
    OcspWait wait(bench.desk, [&](const tls::OcspEntry& known) {
      heard = known.judge(mode);
      bench.loop.stop();
    });
    wait.begin(key);
    bench.loop.run();
    CHECK(heard == (mode == tls::OcspMode::soft ? core::Reason::none : core::Reason::ocsp_unavailable));
    // Nothing was answered, so nothing is known: the next look asks again.
    CHECK_FALSE(bench.look(&client).known);
    CHECK(bench.asked.size() == 2);
  }
}

TEST_CASE("an issuer that nobody knows is silence") {
  for (const auto mode : {tls::OcspMode::soft, tls::OcspMode::hard}) {
    Bench bench(mode);
    tls::VerifiedPeer client = peer("a");
    client.issuer = nullptr;
    const OcspFinding finding = bench.look(&client);
    CHECK(finding.known);
    CHECK(finding.reason == (mode == tls::OcspMode::soft ? core::Reason::none : core::Reason::ocsp_unavailable));
    CHECK(bench.asked.empty());
    bench.answer(finding.key, entry(What::revoked));
    CHECK(bench.look(&client).reason == core::Reason::ocsp_revoked);
  }
}
