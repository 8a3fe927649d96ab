#include "core/log_sink.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "core/limits.h"

using gateway::core::LogSink;
using gateway::core::UniqueFd;

namespace {

struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "log-sink-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string operator/(const char* name) const { return path / name; }
  std::filesystem::path path;
};

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The writer may hold the lock at the moment: submit() leaves the lines and is called again, as a worker does at its
// next turn.
void submit(LogSink& sink, std::string lines) {
  while (!lines.empty()) sink.submit(lines);
}

void wait_for(const std::string& path, const std::string& expected) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (content(path) != expected && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(content(path) == expected);
}

}  // namespace

TEST_CASE("every line is in the file once the sink has ended, and no line is torn") {
  const Folder folder;
  const std::string path = folder / "access.log";
  {
    auto sink = LogSink::open(path);
    REQUIRE(sink.has_value());
    std::vector<std::thread> workers;
    for (char name = 'a'; name < 'e'; ++name) {
      workers.emplace_back([&, name] {
        for (int i = 0; i < 500; ++i) submit(**sink, std::string(40, name) + '\n');
      });
    }
    for (auto& worker : workers) worker.join();
    CHECK((*sink)->dropped_lines() == 0);
  }
  std::ifstream file(path);
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) CHECK(line == std::string(40, line.at(0)));
  CHECK(lines == 2000);
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_all) ==
        std::filesystem::perms::none);
}

TEST_CASE("after a rotation reopen() goes on in a new file") {
  const Folder folder;
  const std::string path = folder / "access.log";
  auto sink = LogSink::open(path);
  REQUIRE(sink.has_value());
  submit(**sink, "before\n");
  wait_for(path, "before\n");
  std::filesystem::rename(path, folder / "access.log.1");
  REQUIRE((*sink)->reopen().has_value());
  submit(**sink, "after\n");
  wait_for(path, "after\n");
  CHECK(content(folder / "access.log.1") == "before\n");
}

TEST_CASE("a path that can't be opened is an error, and the old file stays in use") {
  const Folder folder;
  const std::string path = folder / "access.log";
  CHECK_FALSE(LogSink::open(folder / "no/such/folder").has_value());
  auto sink = LogSink::open(path);
  REQUIRE(sink.has_value());
  const auto failed = (*sink)->reopen(folder / "no/such/folder");
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().detail.find("no/such/folder") != std::string::npos);
  submit(**sink, "still here\n");
  wait_for(path, "still here\n");
}

TEST_CASE("a reader that does not read costs lines, counted, and neither memory nor the end of the program") {
  const Folder folder;
  const std::string path = folder / "pipe";
  CHECK_FALSE(LogSink::open(folder / "pipe/without/reader").has_value());
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_FALSE(LogSink::open(path).has_value());  // nobody reads: no hang, an error
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  auto sink = LogSink::open(path);
  REQUIRE(sink.has_value());
  const std::string line = std::string(1023, 'x') + '\n';
  std::string kibilines;
  for (int i = 0; i < 1024; ++i) kibilines += line;
  const std::size_t enough = 2 * gateway::core::kLogBacklogBytes / kibilines.size() + 2;
  for (std::size_t i = 0; i < enough; ++i) submit(**sink, kibilines);
  CHECK((*sink)->dropped_lines() > 0);
  CHECK((*sink)->dropped_lines() % 1024 == 0);
  const auto begin = std::chrono::steady_clock::now();
  sink->reset();
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}
