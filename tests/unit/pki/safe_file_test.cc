#include "pki/safe_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "scratch_folder.h"

using namespace gateway::pki;
namespace fs = std::filesystem;

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<unsigned>(status.st_mode & 07777U) : 0U;
}

std::size_t entries_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a file is created with its mode and never over another one") {
  const ScratchFolder folder;
  const fs::path path = folder.path() / "ca.key";
  REQUIRE(create_file(path, "secret", kPrivateMode));
  CHECK(mode_of(path) == 0600U);
  const auto second = create_file(path, "other", kPrivateMode);
  REQUIRE_FALSE(second);
  CHECK(second.error().file == path);
  CHECK(read_file(path).value_or("") == "secret");
}

TEST_CASE("a file is not created through a symbolic link, even one that leads nowhere") {
  const ScratchFolder folder;
  fs::create_symlink(folder.path() / "elsewhere", folder.path() / "ca.key");
  CHECK_FALSE(create_file(folder.path() / "ca.key", "secret", kPrivateMode));
  CHECK_FALSE(fs::exists(folder.path() / "elsewhere"));
}

TEST_CASE("a replaced file is whole, has the wanted mode and leaves no temporary file") {
  const ScratchFolder folder;
  const fs::path path = folder.path() / "index.txt";
  REQUIRE(replace_file(path, "one", kPublicMode));
  REQUIRE(replace_file(path, "two", kPublicMode));
  CHECK(read_file(path).value_or("") == "two");
  CHECK(mode_of(path) == 0644U);
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("new files go away again unless they are kept") {
  const ScratchFolder folder;
  {
    NewFiles files;
    REQUIRE(files.create(folder.path() / "a", "a", kPublicMode));
  }
  CHECK_FALSE(fs::exists(folder.path() / "a"));
  {
    NewFiles files;
    REQUIRE(files.create(folder.path() / "b", "b", kPublicMode));
    // What was there before is not ours to remove.
    CHECK_FALSE(files.create(folder.path() / "b", "c", kPublicMode));
    files.keep();
  }
  CHECK(read_file(folder.path() / "b").value_or("") == "b");
}

TEST_CASE("a missing file, a folder and an absent parent are errors that name the file") {
  const ScratchFolder folder;
  for (const fs::path& path : {folder.path() / "absent", folder.path()}) {
    const auto bytes = read_file(path);
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error().file == path);
  }
  CHECK_FALSE(create_file(folder.path() / "no" / "file", "x", kPublicMode));
  CHECK_FALSE(replace_file(folder.path() / "no" / "file", "x", kPublicMode));
  CHECK_FALSE(FolderLock::acquire(folder.path() / "no"));
}
