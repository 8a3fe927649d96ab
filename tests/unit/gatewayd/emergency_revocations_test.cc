#include "gatewayd/emergency_revocations.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>

#include "temp_folder.h"

using namespace gateway::gatewayd;
namespace core = gateway::core;
namespace proxy = gateway::proxy;
namespace tls = gateway::tls;

namespace {

RevocationEntry serial(const std::string& hex, const std::string& comment = "") {
  return checked_entry({.fingerprint = {}, .serial = hex, .issuer = {}, .comment = comment}).value();
}

// The list before two workers that only write down what they are told.
struct Fixture {
  TempFolder folder;
  StateDirectory directory{folder.path / "state"};
  core::EventLoop loop;
  std::uint64_t posted = 0;
  std::size_t posted_size = 0;
  std::optional<RevocationOutcome> outcome;
  EmergencyRevocations list;

  explicit Fixture(std::vector<RevocationEntry> entries = {}, core::Milliseconds patience = core::Milliseconds{10'000})
      : list(
            loop, directory, std::move(entries), 2,
            [this](std::uint64_t round, const std::shared_ptr<const tls::KnownRevocations>& revocations) {
              posted = round;
              posted_size = revocations->size();
              // What is handed out is on disk already, or never gets there.
              const auto kept = EmergencyRevocations::load(directory);
              on_disk_when_posted = kept ? kept->size() : 0;
            },
            patience) {}
  std::size_t on_disk_when_posted = 0;

  EmergencyRevocations::Done note() {
    return [this](const RevocationOutcome& ended) { outcome = ended; };
  }
  void confirm(std::uint64_t closed = 0) {
    for (const unsigned worker : {0U, 1U}) list.on_adopted({.worker = worker, .round = posted, .closed = closed});
  }
};

}  // namespace

TEST_CASE("an entry is on disk before workers hear of it, and done once all have confirmed") {
  Fixture f;
  f.list.add(serial("0A", "lost"), f.note());
  CHECK(f.posted_size == 1);
  CHECK(f.on_disk_when_posted == 1);
  f.list.on_adopted({.worker = 0, .round = f.posted, .closed = 2});
  f.list.on_adopted({.worker = 0, .round = f.posted, .closed = 2});
  f.list.on_adopted({.worker = 1, .round = f.posted + 1, .closed = 2});
  CHECK_FALSE(f.outcome);
  f.list.on_adopted({.worker = 1, .round = f.posted, .closed = 1});
  REQUIRE(f.outcome);
  CHECK(f.outcome->result == RevocationResult::done);
  CHECK(f.outcome->closed == 3);
  const auto kept = EmergencyRevocations::load(f.directory);
  REQUIRE(kept);
  REQUIRE(kept->size() == 1);
  CHECK((*kept)[0].serial == "0A");
  CHECK((*kept)[0].comment == "lost");
  CHECK((*kept)[0].added.time_since_epoch().count() > 1'600'000'000);
}

TEST_CASE("the same certificate again is no second entry, and what isn't there can't be removed") {
  Fixture f({serial("0A", "one"), serial("0B")});
  f.list.add(serial("00:0a", "two"), f.note());
  CHECK(f.posted_size == 2);
  f.confirm();
  REQUIRE(f.list.entries().size() == 2);
  CHECK(f.list.entries()[0].comment == "two");
  f.list.remove(serial("0C"), f.note());
  CHECK(f.outcome->result == RevocationResult::unknown);
  f.list.remove(serial("0A"), f.note());
  f.confirm();
  CHECK(f.outcome->result == RevocationResult::done);
  CHECK(f.outcome->entry.comment == "two");
  CHECK(f.posted_size == 1);
  CHECK(EmergencyRevocations::load(f.directory).value().size() == 1);
}

TEST_CASE("what the disk refuses is in force all the same, is said, and is saved with the next that works") {
  Fixture f;
  std::ofstream(f.directory.path()) << "a file where the folder should be";
  f.list.add(serial("0A"), f.note());
  CHECK(f.posted_size == 1);
  f.confirm();
  CHECK(f.outcome->result == RevocationResult::unsaved);
  CHECK(f.outcome->error.ends_with("state: is no folder"));
  CHECK_FALSE(f.list.is_saved());
  std::filesystem::remove(f.directory.path());
  f.list.add(serial("0B"), f.note());
  f.confirm();
  CHECK(f.outcome->result == RevocationResult::done);
  CHECK(f.list.is_saved());
  CHECK(EmergencyRevocations::load(f.directory).value().size() == 2);
}

TEST_CASE("a worker that does not confirm is told") {
  Fixture f({}, core::Milliseconds{20});
  f.list.add(serial("0A"), [&](const RevocationOutcome& ended) {
    f.outcome = ended;
    f.loop.stop();
  });
  f.list.on_adopted({.worker = 1, .round = f.posted, .closed = 0});
  f.loop.run();
  REQUIRE(f.outcome);
  CHECK(f.outcome->result == RevocationResult::timeout);
  CHECK(f.outcome->error == "not every worker has confirmed it in time");
  f.list.on_adopted({.worker = 0, .round = f.posted, .closed = 0});
}

TEST_CASE("there is an end to the list") {
  std::vector<RevocationEntry> entries(kMaxRevocations, serial("01"));
  Fixture f(std::move(entries));
  f.list.add(serial("02"), f.note());
  CHECK(f.outcome->result == RevocationResult::refused);
  CHECK(f.posted == 0);
}

TEST_CASE("a list that is there but can't be understood is an error, a missing one is none") {
  Fixture f;
  CHECK(EmergencyRevocations::load(f.directory).value().empty());
  REQUIRE(f.directory.write("revocations.json", "{}"));
  const auto damaged = EmergencyRevocations::load(f.directory);
  REQUIRE_FALSE(damaged);
  CHECK(
      damaged.error().detail.ends_with("needs 'format' and 'revocations', and nothing else; mend the file, or move it "
                                       "away, start, and revoke again what it named"));
  REQUIRE(f.directory.write("revocations.json", encode_revocations({})));
  REQUIRE(::chmod(f.directory.path_of("revocations.json").c_str(), 0666) == 0);
  CHECK_FALSE(EmergencyRevocations::load(f.directory));
}
