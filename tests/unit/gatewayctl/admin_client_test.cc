#include "gatewayctl/admin_client.h"

#include <doctest/doctest.h>

#include "fake_daemon.h"

using namespace gateway::ctl;
using namespace std::chrono_literals;

namespace {

auto soon() {
  return std::chrono::steady_clock::now() + 10s;
}

}  // namespace

TEST_CASE("a request is one whole HTTP/1.1 request, and the answer comes back as it is") {
  FakeDaemon daemon(http(422, "{\"result\":\"refused\"}"));
  const auto answer = call_admin(daemon.socket(), "POST", "/reload", soon());
  REQUIRE(answer);
  CHECK(answer->status == 422);
  CHECK(answer->body == "{\"result\":\"refused\"}");
  CHECK(daemon.request() ==
        "POST /reload HTTP/1.1\r\nHost: gatewayd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST_CASE("an answer without a length ends with the connection") {
  FakeDaemon daemon("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}");
  const auto answer = call_admin(daemon.socket(), "GET", "/status", soon());
  REQUIRE(answer);
  CHECK(answer->body == "{}");
}

TEST_CASE("a long answer comes whole") {
  const std::string body(3U << 20U, 'x');
  FakeDaemon daemon(http(200, body));
  const auto answer = call_admin(daemon.socket(), "GET", "/status", soon());
  REQUIRE(answer);
  CHECK(answer->body == body);
}

TEST_CASE("whatever is no complete HTTP/1.1 answer is not taken for gatewayd") {
  for (const char* bytes :
       {"", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/2 200\r\n\r\n"}) {
    CAPTURE(bytes);
    FakeDaemon daemon(bytes);
    const auto answer = call_admin(daemon.socket(), "GET", "/status", soon());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == AdminFailure::Kind::unreachable);
  }
}

TEST_CASE("a head without end is cut off") {
  FakeDaemon daemon("HTTP/1.1 200 OK\r\nA: " + std::string(1U << 20U, 'x'));
  CHECK_FALSE(call_admin(daemon.socket(), "GET", "/status", soon()));
}

TEST_CASE("no socket, a file that is none and a path too long are unreachable") {
  FakeDaemon daemon("", FakeDaemon::Mood::silent);
  for (const std::filesystem::path& path :
       {daemon.socket().parent_path() / "absent.sock", daemon.socket().parent_path(), std::filesystem::path(),
        std::filesystem::path("/tmp/" + std::string(200, 'x'))}) {
    CAPTURE(path.string());
    const auto answer = call_admin(path, "GET", "/status", soon());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == AdminFailure::Kind::unreachable);
  }
}

TEST_CASE("a daemon that never answers is a timeout") {
  FakeDaemon daemon("", FakeDaemon::Mood::silent);
  const auto answer = call_admin(daemon.socket(), "GET", "/status", std::chrono::steady_clock::now() + 50ms);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == AdminFailure::Kind::timeout);
}
