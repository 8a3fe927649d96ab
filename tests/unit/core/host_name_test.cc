#include "core/host_name.h"

#include <doctest/doctest.h>

#include <string>

#include "core/host_table.h"

using gateway::core::canonical_host;
using gateway::core::canonical_host_name;
using gateway::core::HostTable;

TEST_CASE("one canonical form for every way to write a host") {
  for (const char* text :
       {"api.example.com", "API.Example.COM", "api.example.com.", "api.example.com:8443", "Api.example.com.:443"}) {
    CAPTURE(text);
    CHECK(canonical_host(text) == "api.example.com");
  }
  CHECK(canonical_host("127.0.0.1:80") == "127.0.0.1");
  CHECK(canonical_host("[::1]:80") == "[::1]");
  CHECK(canonical_host("[0:0:0:0:0:0:0:1]") == "[::1]");
  CHECK(canonical_host("[::ffff:127.0.0.1]") == "127.0.0.1");
}

TEST_CASE("what is no host is refused") {
  const std::string too_long_label(64, 'a');
  std::string too_long;
  for (int i = 0; i < 60; ++i) too_long += "abcd.";
  for (const std::string& text : {std::string(),          std::string("."),
                                  std::string("a..b"),    std::string(".a"),
                                  std::string("a b"),     std::string("a/b"),
                                  std::string("u@a"),     std::string("a#"),
                                  std::string("a?"),      std::string("a\\b"),
                                  std::string("a\0b", 3), std::string("a%00"),
                                  std::string("a:b"),     std::string("a:"),
                                  std::string("a:99999"), std::string("a:80:80"),
                                  std::string("[::1"),    std::string("[::1]x"),
                                  std::string("[::1]:"),  std::string("[a]"),
                                  std::string("a,b"),     std::string("\xc3\xa9.test"),
                                  too_long_label,         too_long}) {
    CAPTURE(text);
    CHECK_FALSE(canonical_host(text).has_value());
  }
  CHECK_FALSE(canonical_host_name("a.test:443").has_value());
}

TEST_CASE("an exact name wins over a wildcard, and a wildcard takes exactly one label") {
  HostTable table;
  CHECK(table.add("*.example.com", 1));
  CHECK(table.add("api.example.com", 2));
  CHECK_FALSE(table.add("api.example.com", 3));
  CHECK(table.find("api.example.com") == 2U);
  CHECK(table.find("other.example.com") == 1U);
  CHECK_FALSE(table.find("example.com").has_value());
  CHECK_FALSE(table.find("a.b.example.com").has_value());
  CHECK_FALSE(table.find(".example.com").has_value());
  CHECK_FALSE(table.default_host().has_value());
}
