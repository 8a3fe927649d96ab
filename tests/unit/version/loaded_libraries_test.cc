#include "version/loaded_libraries.h"

#include <doctest/doctest.h>

#include <algorithm>

using gateway::version::loaded_libraries;
using gateway::version::version_of;

TEST_CASE("a library's version is what its file name ends in") {
  const std::vector<std::string> files{"/lib/libre2x.so.1", "/usr/lib/libre2.so.9.0.0", "/usr/lib/libre2-9.so.5"};
  CHECK(version_of("libre2", files) == "9.0.0");
  CHECK(version_of("libre2x", files) == "1");
  CHECK_FALSE(version_of("libre", files));
  CHECK_FALSE(version_of("libfmt", files));
  CHECK_FALSE(version_of("libre2", {"/usr/lib/libre2.so"}));
}

TEST_CASE("the files of this process are found, without symbolic links and without the program") {
  const auto files = loaded_libraries();
  CHECK(std::ranges::any_of(files, [](const auto& file) { return file.contains("/libc."); }));
  CHECK(std::ranges::none_of(files,
                             [](const auto& file) { return file.contains("test_version") || file.contains("vdso"); }));
  CHECK(version_of("libcrypto", files).has_value());
}
