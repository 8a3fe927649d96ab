#include "gatewayd/state_directory.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "temp_folder.h"

using gateway::gatewayd::StateDirectory;
using gateway::gatewayd::TempFolder;
namespace fs = std::filesystem;

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<unsigned>(status.st_mode & 07777U) : 0U;
}

std::string error_of(const auto& result) {
  return result ? std::string() : result.error().detail;
}

}  // namespace

TEST_CASE("the state directory is made when something is first written, for its owner alone") {
  const TempFolder folder;
  const StateDirectory state(folder.path / "lib" / "state");
  const auto nothing = state.read("list");
  REQUIRE(nothing);
  CHECK_FALSE(*nothing);
  CHECK_FALSE(fs::exists(state.path()));
  REQUIRE(state.write("list", "one"));
  REQUIRE(state.write("crl/a.crl", "two"));
  CHECK(mode_of(state.path()) == 0700U);
  CHECK(mode_of(state.path_of("crl")) == 0700U);
  CHECK(mode_of(state.path_of("list")) == 0600U);
  CHECK(state.read("list").value() == "one");
  CHECK(state.read("crl/a.crl").value() == "two");
  REQUIRE(state.remove("list"));
  REQUIRE(state.remove("list"));
  CHECK_FALSE(state.read("list").value());
}

TEST_CASE("a state directory may be written with a slash at its end") {
  const TempFolder folder;
  const StateDirectory state((folder.path / "state").string() + "/");
  REQUIRE(state.write("list", "one"));
  CHECK(state.read("list").value() == "one");
  CHECK(StateDirectory(folder.path / "state").read("list").value() == "one");
}

TEST_CASE("a state directory that others can write to is neither read nor written") {
  const TempFolder folder;
  const StateDirectory state(folder.path / "state");
  REQUIRE(state.write("crl/list", "one"));
  for (const char* const loose : {"", "crl"}) {
    const fs::path path = state.path_of(loose);
    for (const mode_t mode : {0720U, 0702U, 01777U}) {
      REQUIRE(::chmod(path.c_str(), mode) == 0);
      CHECK(error_of(state.read("crl/list")).ends_with("others can write to it; take that away (chmod go-w)"));
      CHECK(error_of(state.write("crl/list", "two")).ends_with("others can write to it; take that away (chmod go-w)"));
      CHECK_FALSE(state.remove("crl/list"));
    }
    REQUIRE(::chmod(path.c_str(), 0755) == 0);
    CHECK(state.read("crl/list").value() == "one");
  }
}

TEST_CASE("a file of the state directory that others can write to is not read") {
  const TempFolder folder;
  const StateDirectory state(folder.path / "state");
  REQUIRE(state.write("list", "one"));
  REQUIRE(::chmod(state.path_of("list").c_str(), 0620) == 0);
  CHECK(error_of(state.read("list")).ends_with("others can write to it; take that away (chmod go-w)"));
  REQUIRE(state.write("list", "two"));
  CHECK(state.read("list").value() == "two");
}

TEST_CASE("a state directory of another user is neither read nor written") {
  if (::geteuid() != 0) return;  // only root can make one
  const TempFolder folder;
  const StateDirectory state(folder.path / "state");
  REQUIRE(state.write("list", "one"));
  REQUIRE(::chown(state.path().c_str(), 12345, 12345) == 0);
  CHECK(error_of(state.read("list")).find("belongs to user 12345") != std::string::npos);
  CHECK(error_of(state.write("list", "two")).find("belongs to user 12345") != std::string::npos);
}

TEST_CASE("what stands in the place of the state directory or of a file in it is told") {
  const TempFolder folder;
  const fs::path path = folder.path / "state";
  std::ofstream(path) << "a file";
  CHECK(error_of(StateDirectory(path).read("list")) == path.string() + ": is no folder");
  CHECK(error_of(StateDirectory(path).write("list", "")) == path.string() + ": is no folder");
  const StateDirectory state(folder.path / "other");
  REQUIRE(state.write("list/a", ""));
  CHECK(error_of(state.read("list")).ends_with("list: is no regular file"));
}
