#include "proxy/request_target.h"

#include <doctest/doctest.h>

#include <random>

namespace gateway::proxy {
namespace {

std::string path_of(std::string_view target, bool merge_slashes = true) {
  const auto parsed = parse_request_target("GET", target, merge_slashes);
  return parsed ? parsed->path : "error: " + parsed.error();
}

}  // namespace

TEST_CASE("a path is brought to one form") {
  struct Case {
    std::string_view target;
    std::string_view path;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"/", "/"},
           {"/a/b", "/a/b"},
           {"/a/", "/a/"},
           {"//a///b//", "/a/b/"},
           {"/%61%2D%7e%5F", "/a-~_"},
           {"/%e4%3a", "/%E4%3A"},
           {"/a;x=1,b=2:c@d&e+f!$'()*", "/a;x=1,b=2:c@d&e+f!$'()*"},
           {"/a\"<>^`{|}[]", "/a%22%3C%3E%5E%60%7B%7C%7D%5B%5D"},
           {"/a%22%3c", "/a%22%3C"},
           {"/a%252e%252e", "/a%252e%252e"},
           {"/a/./b/.", "/a/b/"},
           {"/a/../b", "/b"},
           {"/a/b/..", "/a/"},
           {"/a/%2e%2E/b", "/b"},
           {"/../../a", "/a"},
           {"/..", "/"},
           {"/...", "/..."},
           {"/.a/..b", "/.a/..b"},
           {"/a//../b", "/b"},
           {"/a%20b", "/a%20b"},
       }) {
    CAPTURE(c.target);
    CHECK(path_of(c.target) == c.path);
  }
}

TEST_CASE("slashes stay where they are not merged") {
  CHECK(path_of("//a//b//", false) == "//a//b//");
  CHECK(path_of("/a//../b", false) == "/a/b");
  CHECK(path_of("/a/./..//", false) == "//");
}

TEST_CASE("the query is kept as it came") {
  const auto target = parse_request_target("GET", "/a/../b?x=%2e%zz/../&y=?\\", true);
  REQUIRE(target.has_value());
  CHECK(target->path == "/b");
  CHECK(target->query == "?x=%2e%zz/../&y=?\\");
  CHECK(parse_request_target("GET", "/a?", true)->query == "?");
  CHECK(parse_request_target("GET", "/a", true)->query.empty());
}

TEST_CASE("an encoded slash is kept and told") {
  const auto target = parse_request_target("GET", "/a%2fb/c", true);
  REQUIRE(target.has_value());
  CHECK(target->path == "/a%2Fb/c");
  CHECK(target->encoded_slash);
  CHECK_FALSE(parse_request_target("GET", "/a/b?c=%2F", true)->encoded_slash);
}

TEST_CASE("targets that two parsers could read in two ways are refused") {
  using namespace std::string_view_literals;
  for (const std::string_view target : {
           ""sv,
           "a"sv,
           "a.test:443"sv,
           "?x"sv,
           "*x"sv,
           "/a#b"sv,
           "/a?b#c"sv,
           "/a\\b"sv,
           "/a%5cb"sv,
           "/a%5Cb"sv,
           "/a%00"sv,
           "/a%0d%0aX"sv,
           "/a%1f"sv,
           "/a%7F"sv,
           "/a%"sv,
           "/a%2"sv,
           "/a%zz"sv,
           "/a%2g"sv,
           "/a b"sv,
           "/a\tb"sv,
           "/a\0b"sv,
           "/a\x7f"sv,
           "/a\xc3\xa9"sv,
           "/a?\xc3\xa9"sv,
           "/a?b\x01"sv,
           "/..;/a"sv,
           "/a/.;x=1/b"sv,
           "/..%3bx/a"sv,
           "/..%2fa"sv,
           "/a%2F..%2fb"sv,
           "/a/x%2f%2e%2e"sv,
           "ftp://a.test/"sv,
           "http:/a"sv,
           "http:///a"sv,
           "http://u@a.test/"sv,
           "http://u:p@a.test/"sv,
           "http://a.test/b\\c"sv,
           "javascript:alert(1)"sv,
       }) {
    CAPTURE(target);
    CHECK_FALSE(parse_request_target("GET", target, true).has_value());
  }
}

TEST_CASE("an absolute target gives its authority for the Host check") {
  const auto target = parse_request_target("GET", "HTTP://a.test:8443/x/../b?c", true);
  REQUIRE(target.has_value());
  CHECK(target->authority == "a.test:8443");
  CHECK(target->path == "/b");
  CHECK(target->query == "?c");
  CHECK(parse_request_target("GET", "https://a.test", true)->path == "/");
  const auto query_only = parse_request_target("GET", "http://a.test?x=/y", true);
  REQUIRE(query_only.has_value());
  CHECK(query_only->authority == "a.test");
  CHECK(query_only->path == "/");
  CHECK(query_only->query == "?x=/y");
}

TEST_CASE("an asterisk is for OPTIONS") {
  CHECK(parse_request_target("OPTIONS", "*", true)->asterisk);
  CHECK(parse_request_target("OPTIONS", "http://a.test", true)->asterisk);
  CHECK_FALSE(parse_request_target("OPTIONS", "/", true)->asterisk);
  CHECK_FALSE(parse_request_target("GET", "*", true).has_value());
}

TEST_CASE("normalising what is normal changes nothing") {
  std::mt19937 random(20'250'102);
  constexpr std::string_view kPieces[] = {"/",     "/",   ".", "..", "a", "%2e", "%2E", "%2f",
                                          "%252e", "%5B", ";", "|",  "b", "%c3", "//"};
  std::uniform_int_distribution<std::size_t> pick(0, std::size(kPieces) - 1);
  std::size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string target = "/";
    for (int i = 0; i < 8; ++i) target += kPieces[pick(random)];
    for (const bool merge : {true, false}) {
      const auto once = parse_request_target("GET", target, merge);
      if (!once) continue;
      ++accepted;
      const auto twice = parse_request_target("GET", once->path, merge);
      CAPTURE(target);
      REQUIRE(twice.has_value());
      REQUIRE(twice->path == once->path);
      REQUIRE(twice->encoded_slash == once->encoded_slash);
      REQUIRE(("/" + once->path + "/").find("/../") == std::string::npos);
      if (merge) REQUIRE(once->path.find("//") == std::string::npos);
    }
  }
  CHECK(accepted > 10'000);
}

}  // namespace gateway::proxy
