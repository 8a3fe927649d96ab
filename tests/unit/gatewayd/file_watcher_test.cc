#include "gatewayd/file_watcher.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <fstream>
#include <utility>

#include "config/file_reader.h"
#include "temp_folder.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

constexpr core::Milliseconds kNever{3'600'000};
// Long enough for a slow machine: only a broken watcher takes so long.
constexpr core::Milliseconds kPatience{20'000};

struct Watched {
  explicit Watched(FileWatcher::Times times = {.quiet = 20ms, .at_most = 200ms, .poll = kNever})
      : watcher(
            loop,
            [this](const std::vector<std::string>& paths) {
              ++reports;
              changed = paths;
            },
            times),
        give_up(loop, [this] { late = true; }) {}

  void write(const fs::path& path, std::string_view content) const {
    std::ofstream(root / path, std::ios::binary | std::ios::trunc) << content;
  }
  // As a load does.
  void read_and_watch(const std::vector<fs::path>& paths) {
    std::vector<config::WatchedFile> files;
    for (const fs::path& path : paths) static_cast<void>(config::read_watched_file(root / path, 1 << 20, files));
    watcher.watch(std::move(files));
  }
  // Turns the loop until there is a report.
  bool is_told() {
    late = false;
    give_up.start(kPatience);
    while (reports == 0 && !late) uv_run(loop.get(), UV_RUN_ONCE);
    give_up.stop();
    return std::exchange(reports, 0) > 0;
  }
  // Turns the loop for this long: for what must not be told, and can't be.
  void turn_for(core::Milliseconds time) {
    late = false;
    give_up.start(time);
    while (!late) uv_run(loop.get(), UV_RUN_ONCE);
  }
  // A mount as Kubernetes makes it: `name` of the version behind ..data.
  void publish(const fs::path& mount, const std::string& version, std::string_view content) const {
    fs::create_directories(root / mount / version);
    write(mount / version / "file", content);
    fs::remove(root / mount / "..data_tmp");
    fs::create_directory_symlink(version, root / mount / "..data_tmp");
    fs::rename(root / mount / "..data_tmp", root / mount / "..data");
    if (!fs::is_symlink(root / mount / "file")) fs::create_symlink("..data/file", root / mount / "file");
  }

  TempFolder folder;
  fs::path root = fs::canonical(folder.path);
  core::EventLoop loop;
  int reports = 0;
  std::vector<std::string> changed;
  FileWatcher watcher;
  bool late = false;
  Timer give_up;
};

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("a file that is written in place, replaced or removed is told, by name") {
  Watched w;
  w.write("a", "one");
  w.write("b", "one");
  w.read_and_watch({"a", "b"});
  CHECK(w.watcher.folder_count() == 1);
  SUBCASE("written") {
    w.write("b", "two");
  }
  SUBCASE("replaced") {
    w.write("c", "one");
    fs::rename(w.root / "c", w.root / "b");
  }
  SUBCASE("removed") {
    fs::remove(w.root / "b");
  }
  REQUIRE(w.is_told());
  CHECK(w.changed == Paths{w.root / "b"});
}

TEST_CASE("a missing file that appears is told, even if its folders have to be made first") {
  Watched w;
  w.read_and_watch({"a/b/c/file"});
  fs::create_directory(w.root / "a");
  w.turn_for(60ms);
  CHECK(w.reports == 0);
  fs::create_directories(w.root / "a/b/c");
  w.turn_for(60ms);
  CHECK(w.reports == 0);
  w.write("a/b/c/file", "x");
  CHECK(w.is_told());
}

TEST_CASE("a ..data link that is swapped is told, again and again, though the old version is removed") {
  Watched w;
  w.publish("config", "..1", "one");
  w.publish("secret", "..1", "one");
  const std::vector<fs::path> files{"config/file", "secret/file"};
  w.read_and_watch(files);
  for (const char* version : {"..2", "..3", "..4"}) {
    w.publish("secret", version, version);
    REQUIRE(w.is_told());
    CHECK(w.changed == Paths{w.root / "secret/file"});
    w.read_and_watch(files);
  }
  for (const char* version : {"..1", "..2", "..3"}) fs::remove_all(w.root / "secret" / version);
  w.turn_for(60ms);
  CHECK_MESSAGE(w.reports == 0, "what nothing leads to any more may go");
}

TEST_CASE("any link on the way counts, that of a folder too") {
  Watched w;
  fs::create_directories(w.root / "releases/1/conf");
  fs::create_directories(w.root / "releases/2/conf");
  w.write("releases/1/conf/file", "x");
  w.write("releases/2/conf/file", "x");
  fs::create_directory_symlink("releases/1", w.root / "current");
  w.read_and_watch({"current/conf/file"});
  fs::create_directory_symlink("releases/2", w.root / "next");
  fs::rename(w.root / "next", w.root / "current");
  CHECK(w.is_told());
}

TEST_CASE("a folder that is removed and made again is heard again") {
  Watched w;
  fs::create_directory(w.root / "d");
  w.write("d/file", "one");
  w.read_and_watch({"d/file"});
  fs::remove_all(w.root / "d");
  REQUIRE(w.is_told());
  w.read_and_watch({"d/file"});
  fs::create_directory(w.root / "d");
  w.write("d/file", "two");
  REQUIRE(w.is_told());
  w.read_and_watch({"d/file"});
  w.write("d/file", "three");
  CHECK(w.is_told());
}

// Many file systems give the inode of a removed folder to the next one: it looks the same, but nobody listens to it.
TEST_CASE("a folder that is removed and made again at once is heard again") {
  Watched w;
  fs::create_directory(w.root / "d");
  w.write("d/file", "one");
  w.read_and_watch({"d/file"});
  fs::remove_all(w.root / "d");
  fs::create_directory(w.root / "d");
  w.write("d/file", "two");
  REQUIRE(w.is_told());
  w.read_and_watch({"d/file"});
  w.write("d/file", "three");
  CHECK(w.is_told());
}

TEST_CASE("a folder that was replaced between two events is listened to, not the one that went") {
  Watched w;
  fs::create_directory(w.root / "d");
  w.write("d/file", "one");
  w.read_and_watch({"d/file"});
  fs::rename(w.root / "d", w.root / "old");
  fs::create_directory(w.root / "d");
  w.write("d/file", "two");
  REQUIRE(w.is_told());
  w.read_and_watch({"d/file"});
  w.write("old/file", "three");
  w.turn_for(60ms);
  CHECK(w.reports == 0);
  w.write("d/file", "four");
  CHECK(w.is_told());
}

TEST_CASE("a folder that came with a folder above it is listened to from the next load on") {
  Watched w;
  fs::create_directories(w.root / "app/conf");
  w.write("app/conf/file", "one");
  w.read_and_watch({"app/conf/file"});
  // Nobody tells the inner folder that an outer one is renamed: the poll would find it, or a load on demand.
  fs::rename(w.root / "app", w.root / "old");
  fs::create_directories(w.root / "app/conf");
  w.write("app/conf/file", "two");
  w.read_and_watch({"app/conf/file"});
  w.write("app/conf/file", "three");
  CHECK(w.is_told());
}

TEST_CASE("other files in the same folder are nobody's business") {
  Watched w;
  w.write("gateway.yaml", "x");
  w.read_and_watch({"gateway.yaml"});
  for (int i = 0; i < 20; ++i) {
    w.write("access.log", std::string(100, 'x'));
    w.write("gateway.yaml.swp", "x");
    w.turn_for(10ms);
  }
  CHECK(w.reports == 0);
}

TEST_CASE("a file that is touched by nothing but a reader is not told") {
  Watched w;
  w.write("a", "one");
  w.read_and_watch({"a"});
  for (int i = 0; i < 5; ++i) {
    CHECK(config::read_file(w.root / "a", 100).has_value());
    w.turn_for(20ms);
  }
  CHECK(w.reports == 0);
}

TEST_CASE("a change between the reading and watch() is told") {
  Watched w;
  w.write("a", "one");
  std::vector<config::WatchedFile> files;
  REQUIRE(config::read_watched_file(w.root / "a", 100, files));
  w.write("a", "other");
  w.watcher.watch(std::move(files));
  CHECK(w.is_told());
}

TEST_CASE("a change that the fingerprint can't show is found in the content") {
  Watched w;
  w.write("a", "one");
  std::vector<config::WatchedFile> files;
  REQUIRE(config::read_watched_file(w.root / "a", 100, files));
  REQUIRE(files.front().content);
  // As if the clock of the file system had not ticked between the two.
  w.write("a", "two");
  files.front().fingerprint = config::FileLook().fingerprint(w.root / "a");
  w.watcher.watch(std::move(files));
  CHECK(w.is_told());
}

TEST_CASE("after a report there is silence until the files are read again") {
  Watched w;
  w.write("a", "one");
  w.read_and_watch({"a"});
  w.write("a", "two");
  REQUIRE(w.is_told());
  w.write("a", "three");
  w.turn_for(100ms);
  CHECK(w.reports == 0);
  w.read_and_watch({"a"});
  w.turn_for(60ms);
  CHECK_MESSAGE(w.reports == 0, "it was read after the last change");
}

TEST_CASE("a writer is left to finish, but not for ever") {
  Watched w({.quiet = 300ms, .at_most = 900ms, .poll = kNever});
  w.write("a", "one");
  w.read_and_watch({"a"});
  const std::uint64_t begin = uv_hrtime();
  // Quieter than `quiet` never.
  Timer storm(w.loop, [&] { w.write("a", std::to_string(uv_hrtime())); });
  storm.start(0ms, 10ms);
  REQUIRE(w.is_told());
  storm.stop();
  const auto took = std::chrono::nanoseconds(uv_hrtime() - begin);
  CHECK(took >= 890ms);
  w.read_and_watch({"a"});
  w.turn_for(350ms);
  CHECK(w.reports == 0);
}

TEST_CASE("where the system grants no watch, the poll finds what changed, and the rest once it does") {
  Watched w({.quiet = 20ms, .at_most = 200ms, .poll = 50ms});
  w.write("a", "one");
  std::vector<config::WatchedFile> files;
  REQUIRE(config::read_watched_file(w.root / "a", 100, files));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  // inotify_init() fails with EMFILE; the loop has its own descriptors already.
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  w.watcher.watch(std::move(files));
  const bool heard_at_first = w.watcher.hears_all();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(heard_at_first);
  SUBCASE("a change is found all the same") {
    w.write("a", "two");
    CHECK(w.is_told());
  }
  SUBCASE("the watch is tried again") {
    while (!w.watcher.hears_all()) uv_run(w.loop.get(), UV_RUN_ONCE);
    w.write("a", "two");
    CHECK(w.is_told());
  }
}

TEST_CASE("stopped, it tells nothing") {
  Watched w({.quiet = 20ms, .at_most = 200ms, .poll = 50ms});
  w.write("a", "one");
  w.read_and_watch({"a"});
  CHECK(w.watcher.is_active());
  w.write("a", "two");
  w.watcher.stop();
  CHECK_FALSE(w.watcher.is_active());
  w.write("a", "three");
  w.turn_for(100ms);
  CHECK(w.reports == 0);
}

TEST_CASE("thousands of files in a few folders take a few watches") {
  Watched w;
  std::vector<fs::path> files;
  for (const char* folder : {"x", "y", "z"}) {
    fs::create_directory(w.root / folder);
    for (int i = 0; i < 1000; ++i) {
      files.emplace_back(fs::path(folder) / std::to_string(i));
      w.write(files.back(), "x");
    }
  }
  w.read_and_watch(files);
  CHECK(w.watcher.folder_count() == 3);
  w.write("y/500", "new");
  REQUIRE(w.is_told());
  CHECK(w.changed == Paths{w.root / "y/500"});
}

TEST_CASE("in a folder that is read as a whole, names that come and go are told, but those with a dot") {
  Watched w;
  fs::create_directory(w.root / "crls");
  w.write("crls/a", "one");
  std::vector<config::WatchedFile> files(1);
  files.front().path = w.root / "crls";
  files.front().is_folder = true;
  files.front().fingerprint = config::FileLook().folder(w.root / "crls");
  w.watcher.watch(files);
  w.write("crls/.hidden", "x");
  w.turn_for(100ms);
  CHECK(w.reports == 0);
  SUBCASE("a new file") {
    w.write("crls/b", "two");
  }
  SUBCASE("one less") {
    fs::remove(w.root / "crls/a");
  }
  SUBCASE("another folder in its place") {
    fs::create_directory(w.root / "new");
    w.write("new/c", "three");
    fs::rename(w.root / "crls", w.root / "old");
    fs::rename(w.root / "new", w.root / "crls");
  }
  REQUIRE(w.is_told());
  CHECK(w.changed == Paths{w.root / "crls"});
}
