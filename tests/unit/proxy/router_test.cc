#include "proxy/router.h"

#include <doctest/doctest.h>

namespace gateway::proxy {

TEST_CASE("the longest path wins, and an exact one over a prefix") {
  RouteTable table;
  CHECK(table.add("/*", 0));
  CHECK(table.add("/a/*", 1));
  CHECK(table.add("/a/b", 2));
  CHECK(table.add("/a/b/*", 3));
  CHECK(table.add("/healthz", 4));
  CHECK(table.find("/") == 0);
  CHECK(table.find("/x/y") == 0);
  CHECK(table.find("/a") == 1);
  CHECK(table.find("/a/") == 1);
  CHECK(table.find("/a/x/y") == 1);
  CHECK(table.find("/a/b") == 2);
  CHECK(table.find("/a/b/") == 3);
  CHECK(table.find("/a/b/c/d") == 3);
  CHECK(table.find("/healthz") == 4);
  CHECK(table.find("/healthz/") == 0);
}

TEST_CASE("a prefix ends at a segment boundary") {
  RouteTable table;
  table.add("/a/*", 1);
  CHECK_FALSE(table.find("/ab").has_value());
  CHECK_FALSE(table.find("/").has_value());
  CHECK(table.find("/a/b") == 1);
}

TEST_CASE("the same path can't be taken twice") {
  RouteTable table;
  CHECK(table.add("/a", 1));
  CHECK_FALSE(table.add("/a", 2));
  CHECK(table.add("/a/*", 3));
  CHECK_FALSE(table.add("/a/*", 4));
  CHECK(table.find("/a") == 1);
}

TEST_CASE("an asterisk belongs to the route of all paths only") {
  RouteTable table;
  table.add("/a/*", 1);
  CHECK_FALSE(table.root().has_value());
  CHECK_FALSE(table.find("*").has_value());
  table.add("/*", 2);
  CHECK(table.root() == 2);
  CHECK_FALSE(table.find("*").has_value());
}

TEST_CASE("an empty table and a path of many segments find nothing") {
  RouteTable table;
  std::string deep;
  for (int i = 0; i < 4000; ++i) deep += "/a";
  CHECK_FALSE(table.find(deep).has_value());
  table.add("/a/a/a/*", 7);
  CHECK(table.find(deep) == 7);
  CHECK(table.find("/a/a/a") == 7);
  CHECK_FALSE(table.find("/a/a").has_value());
}

}  // namespace gateway::proxy
