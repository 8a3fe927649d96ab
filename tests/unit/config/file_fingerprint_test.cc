#include "config/file_fingerprint.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "config_folder.h"

namespace gateway::config {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

FileFingerprint of(const fs::path& path) {
  return FileLook().fingerprint(path.string());
}

FileLook::Places places_of(const fs::path& path) {
  FileLook look;
  look.fingerprint(path.string());
  return look.places();
}

// The folder's own name may lead through a symbolic link (/tmp, on some systems).
struct Folder : ConfigFolder {
  Folder() : real(fs::canonical(path())) {}
  fs::path real;
};

TEST_CASE("a file that nobody touches keeps its fingerprint, and every kind of change shows") {
  const Folder folder;
  const fs::path file = folder.real / "f";
  folder.write("f", "one");
  const FileFingerprint before = of(file);
  CHECK(before.error == 0);
  CHECK(before.resolved == file);
  CHECK(before == of(file));
  SUBCASE("written in place with another size") {
    folder.write("f", "three");
  }
  SUBCASE("with another time, as tools set it") {
    const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
  }
  SUBCASE("replaced by another file") {
    folder.write("g", "one");
    fs::rename(folder.real / "g", file);
  }
  SUBCASE("removed") {
    fs::remove(file);
  }
  SUBCASE("turned into a folder") {
    fs::remove(file);
    fs::create_directory(file);
  }
  CHECK_FALSE(of(file) == before);
}

TEST_CASE("what is not there says why, and stays equal until it is") {
  const Folder folder;
  folder.write("file", "x");
  CHECK(of(folder.real / "no").error == ENOENT);
  CHECK(of(folder.real / "no/such/file").error == ENOENT);
  CHECK(of(folder.real / "file/below").error == ENOTDIR);
  const FileFingerprint missing = of(folder.real / "new/file");
  fs::create_directory(folder.real / "new");
  CHECK(of(folder.real / "new/file") == missing);
  folder.write("new/file", "x");
  CHECK_FALSE(of(folder.real / "new/file") == missing);
}

TEST_CASE("symbolic links are followed wherever they stand, in circles only so far") {
  const Folder folder;
  fs::create_directories(folder.real / "a/b");
  folder.write("a/b/file", "x");
  fs::create_symlink("a", folder.real / "relative");
  fs::create_directory_symlink(folder.real / "relative/b", folder.real / "absolute");
  fs::create_symlink("../b/../b/./file", folder.real / "a/b/up");
  const fs::path target = folder.real / "a/b/file";
  CHECK(of(folder.real / "relative/b/file").resolved == target);
  CHECK(of(folder.real / "absolute/file").resolved == target);
  CHECK(of(folder.real / "absolute/up").resolved == target);
  CHECK(of(folder.real / "absolute/../b/file").resolved == target);
  CHECK(of(folder.real.string() + "//a///b/file").resolved == target);
  fs::create_symlink("circle", folder.real / "circle");
  CHECK(of(folder.real / "circle").error == ELOOP);
  fs::create_symlink("nowhere", folder.real / "dangling");
  CHECK(of(folder.real / "dangling").error == ENOENT);
  CHECK(of("/").error == 0);
  CHECK(of("/..").resolved == "/");
}

TEST_CASE("what happens in a folder is no change of the folder") {
  const Folder folder;
  fs::create_directory(folder.real / "sub");
  const FileFingerprint before = of(folder.real / "sub");
  folder.write("sub/new", "x");
  CHECK(of(folder.real / "sub") == before);
}

TEST_CASE("a mounted ConfigMap is decided at its file, at ..data and in the folder behind it") {
  const Folder folder;
  fs::create_directory(folder.real / "..2026_01");
  folder.write("..2026_01/tls.crt", "x");
  fs::create_directory_symlink("..2026_01", folder.real / "..data");
  fs::create_symlink("..data/tls.crt", folder.real / "tls.crt");
  const FileLook::Places places = places_of(folder.real / "tls.crt");
  REQUIRE(places.size() == 2);
  CHECK(places.at(folder.real).names == std::set<std::string>{"..data", "tls.crt"});
  CHECK(places.at(folder.real / "..2026_01").names == std::set<std::string>{"tls.crt"});
  CHECK(places.at(folder.real).inode != places.at(folder.real / "..2026_01").inode);
}

TEST_CASE("where a path ends in nothing, the place is the first name that is missing") {
  const Folder folder;
  const FileLook::Places places = places_of(folder.real / "gone/deeper/file");
  REQUIRE(places.size() == 1);
  CHECK(places.at(folder.real).names == std::set<std::string>{"gone"});
}

TEST_CASE("files of one folder share its place") {
  const Folder folder;
  FileLook look;
  for (int i = 0; i < 1000; ++i) look.fingerprint((folder.real / std::to_string(i)).string());
  REQUIRE(look.places().size() == 1);
  CHECK(look.places().begin()->second.names.size() == 1000);
}

TEST_CASE("a fingerprint that was taken right after a change proves nothing") {
  FileFingerprint fingerprint;
  const auto now = std::chrono::system_clock::now();
  fingerprint.changed_ns = std::chrono::nanoseconds(now.time_since_epoch()).count();
  CHECK(is_young(fingerprint, now));
  CHECK(is_young(fingerprint, now - 1h));
  CHECK(is_young(fingerprint, now + 1s));
  CHECK_FALSE(is_young(fingerprint, now + 3s));
  CHECK_FALSE(is_young(FileFingerprint{}, now));
}

}  // namespace
}  // namespace gateway::config
