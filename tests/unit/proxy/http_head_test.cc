#include "proxy/http_head.h"

#include <doctest/doctest.h>

namespace gateway::proxy {

TEST_CASE("fields keep their order and are found without regard to case") {
  Fields fields;
  CHECK(fields.empty());
  fields.add("Host", "a");
  fields.add("X-A", "");
  fields.add("x-a", "2");
  CHECK(fields.size() == 3);
  CHECK(fields[1].name == "X-A");
  CHECK(fields.find("HOST") == "a");
  CHECK(fields.find("x-A") == "");
  CHECK(fields.count("X-a") == 2);
  CHECK_FALSE(fields.find("X-B").has_value());
  std::string names;
  for (const Field field : fields) names += field.name;
  CHECK(names == "HostX-Ax-a");
}

TEST_CASE("cleared fields hold nothing") {
  Fields fields;
  fields.add("a", "b");
  fields.clear();
  CHECK(fields.empty());
  CHECK(fields.bytes() == 0);
  fields.add("c", "d");
  CHECK(fields[0].value == "d");
}

TEST_CASE("names compare in ASCII only") {
  CHECK(equal_ignoring_case("Content-Length", "content-LENGTH"));
  CHECK_FALSE(equal_ignoring_case("a", "ab"));
  CHECK_FALSE(equal_ignoring_case("[", "{"));
  CHECK_FALSE(equal_ignoring_case("\xc4", "\xe4"));
}

}  // namespace gateway::proxy
