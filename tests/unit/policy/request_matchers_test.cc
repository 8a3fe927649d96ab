#include <doctest/doctest.h>

#include "facts.h"

namespace gateway::policy::testing {
namespace {

bool path(const std::string& pattern, std::string_view value) {
  return matches(Matcher::path, pattern, nullptr, get(value));
}

bool host(const std::string& pattern, std::string_view value) {
  auto request = get();
  request.host = value;
  return matches(Matcher::host, pattern, nullptr, request);
}

bool method(const std::string& pattern, std::string_view value) {
  auto request = get();
  request.method = value;
  return matches(Matcher::method, pattern, nullptr, request);
}

TEST_CASE("a path is compared whole and with case") {
  CHECK(path("/v1/reports", "/v1/reports"));
  CHECK_FALSE(path("/v1/reports", "/v1/reports/"));
  CHECK_FALSE(path("/v1/reports", "/v1/Reports"));
  CHECK_FALSE(path("/v1/reports", "/v1/reports/x"));
}

TEST_CASE("a path wildcard ends at a segment, as in routes") {
  CHECK(path("/v1/reports/*", "/v1/reports/x"));
  CHECK(path("/v1/reports/*", "/v1/reports/x/y"));
  CHECK(path("/v1/reports/*", "/v1/reports/"));
  CHECK(path("/v1/reports/*", "/v1/reports"));
  CHECK_FALSE(path("/v1/reports/*", "/v1/reportsx"));
  CHECK_FALSE(path("/v1/reports/*", "/v1/report"));
  CHECK_FALSE(path("/v1/reports/*", "/v2/v1/reports/x"));
  CHECK(path("/*", "/"));
  CHECK(path("/*", "/anything/at/all"));
  CHECK_FALSE(path("/*", "*"));
}

TEST_CASE("escapes in a path are compared in capitals") {
  CHECK(path("/caf%c3%a9", "/caf%C3%A9"));
  CHECK(path("/a%2fb/*", "/a%2Fb/c"));
}

TEST_CASE("an expression for a path matches all of it") {
  CHECK(path("~/v[0-9]+/(x|y)", "/v12/y"));
  CHECK_FALSE(path("~/v[0-9]+", "/v12/y"));
  CHECK_FALSE(path("~v[0-9]+", "/v12"));
}

TEST_CASE("methods are compared with case") {
  CHECK(method("GET", "GET"));
  CHECK_FALSE(method("GET", "get"));
  CHECK_FALSE(method("GET", "GETX"));
  CHECK(method("M-SEARCH", "M-SEARCH"));
  CHECK(method("~P(UT|OST)", "POST"));
}

TEST_CASE("hosts are compared like DNS names, literals as they are") {
  CHECK(host("API.example", "api.example"));
  CHECK(host("*.example", "api.example"));
  CHECK_FALSE(host("*.example", "v1.api.example"));
  CHECK(host("[2001:DB8::1]", "[2001:db8::1]"));
  CHECK(host("192.0.2.1", "192.0.2.1"));
  CHECK(host("~api[0-9]*\\.Example", "api7.example"));
}

TEST_CASE("source addresses lie in networks") {
  auto request = get();
  request.source_ip = address("10.20.30.40");
  CHECK(matches(Matcher::source_ip, "10.0.0.0/8", nullptr, request));
  CHECK(matches(Matcher::source_ip, "10.20.30.40", nullptr, request));
  CHECK_FALSE(matches(Matcher::source_ip, "10.20.30.41", nullptr, request));
  request.source_ip = address("fe80::1");
  CHECK(matches(Matcher::source_ip, "fe80::/10", nullptr, request));
  CHECK_FALSE(matches(Matcher::source_ip, "0.0.0.0/0", nullptr, request));
}

}  // namespace
}  // namespace gateway::policy::testing
