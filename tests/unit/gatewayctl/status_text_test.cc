#include "gatewayctl/status_text.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using gateway::ctl::render_status;
using nlohmann::ordered_json;

TEST_CASE("a status is values first, then tables, with what is nested below its row") {
  const ordered_json document = ordered_json::parse(R"({
    "version": "0.1.0", "generation": 3, "draining": false,
    "virtual_hosts": [
      {"name": "a", "hosts": ["a.example", "*.b.example"], "client_auth": "strict"},
      {"name": "longer", "hosts": [], "certificate_not_after": null}],
    "upstreams": [{"name": "legacy", "endpoints": [{"address": "127.0.0.1:9000", "healthy": true}]}],
    "listeners": []})");
  CHECK(render_status(document) ==
        "version     0.1.0\n"
        "generation  3\n"
        "draining    no\n"
        "listeners   -\n"
        "virtual_hosts\n"
        "  NAME    HOSTS                   CLIENT AUTH  CERTIFICATE NOT AFTER\n"
        "  a       a.example, *.b.example  strict       -\n"
        "  longer  -                       -            -\n"
        "upstreams\n"
        "  NAME\n"
        "  legacy\n"
        "    endpoints\n"
        "      ADDRESS         HEALTHY\n"
        "      127.0.0.1:9000  yes\n");
}

TEST_CASE("names from a config cannot write to the terminal") {
  CHECK(render_status({{"name\n", "\x1b[2J"}}) == "name\\x0A  \\x1B[2J\n");
}

TEST_CASE("a document of any shape and depth is printed") {
  CHECK(render_status(ordered_json::array()) == "-\n");
  CHECK(render_status(5) == "5\n");
  CHECK(render_status(ordered_json::parse(R"([1, {"a": 2}])")) == "A\n1\n2\n");
  ordered_json deep = 1;
  for (int i = 0; i < 50; ++i) deep = ordered_json{{"x", deep}};
  CHECK(render_status(deep).size() < 1000);
}
