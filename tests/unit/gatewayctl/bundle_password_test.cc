#include "gatewayctl/bundle_password.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "../pki/scratch_folder.h"

namespace gateway::ctl {
namespace {

std::string from_input(const std::string& text) {
  std::istringstream input(text);
  const auto password = bundle_password("-", input);
  return password ? password->text : "refused: " + password.error().message;
}

TEST_CASE("a password is the first line, without its end") {
  CHECK(from_input("secret\nmore\n") == "secret");
  CHECK(from_input("secret") == "secret");
  CHECK(from_input("secret\r\n") == "secret");
  CHECK(from_input(" with spaces \n") == " with spaces ");
}

TEST_CASE("no password is refused, wherever it should have come from") {
  CHECK(from_input("") == "refused: there is no password");
  CHECK(from_input("\nsecret\n") == "refused: there is no password");
  CHECK(from_input("a\x01") == "refused: a password has no control bytes");
}

TEST_CASE("a password comes from a file, or is made") {
  const pki::ScratchFolder folder;
  const std::string file = folder.path() / "password";
  std::ofstream(file) << "secret\nmore\n";
  std::istringstream nothing;
  const auto read = bundle_password(file, nothing);
  REQUIRE(read);
  CHECK(read->text == "secret");
  CHECK_FALSE(read->generated);
  const auto missing = bundle_password(folder.path() / "missing", nothing);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().file == folder.path() / "missing");
  const auto made = bundle_password("", nothing);
  REQUIRE(made);
  CHECK(made->generated);
  CHECK(made->text.size() == 29);
}

}  // namespace
}  // namespace gateway::ctl
