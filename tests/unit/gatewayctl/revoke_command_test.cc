#include "gatewayctl/revoke_command.h"

#include <doctest/doctest.h>

#include <sstream>

#include "fake_daemon.h"

using namespace gateway::ctl;
using namespace std::chrono_literals;

namespace {

struct Outcome {
  ExitCode code;
  std::string out;
  std::string err;
};

Outcome run(const RevokeArguments& arguments, const std::filesystem::path& socket, bool json = false) {
  std::ostringstream out;
  std::ostringstream err;
  const ExitCode code =
      revoke({.socket = socket, .timeout = 10s, .wait = {}}, arguments, Output{.out = out, .err = err, .json = json});
  return {.code = code, .out = out.str(), .err = err.str()};
}

constexpr const char* kEntry =
    R"("entry": {"fingerprint": null, "serial": "0A", "issuer": "CN=a\u001b[2J", "added": "now", "comment": null})";

std::string body(const std::string& result, const std::string& more = "") {
  return R"({"result": ")" + result + R"(", "closed_connections": 3, "saved": true, )" + kEntry + more + "}";
}

}  // namespace

TEST_CASE("a revocation tells what is revoked, how many connections it ended, and warnings on stderr") {
  FakeDaemon daemon(http(200, body("done", R"(, "warnings": ["no such CA"])")));
  const Outcome outcome = run({.serial = "0a", .issuer = "CN=a", .comment = "why \" not"}, daemon.socket());
  CHECK(outcome.code == ExitCode::done);
  CHECK(outcome.out == "revoked: serial 0A of CN=a\\x1B[2J\n  connections closed: 3\n");
  CHECK(outcome.err == "warning: no such CA\n");
  CHECK(daemon.request().starts_with("POST /revoke HTTP/1.1\r\n"));
}

TEST_CASE("a revocation that can't be saved fails, and says that it is in force") {
  FakeDaemon daemon(http(500, body("unsaved", R"(, "error": "disk full")")));
  const Outcome outcome = run({.serial = "0a"}, daemon.socket());
  CHECK(outcome.code == ExitCode::refused);
  CHECK(outcome.out.starts_with("revoked: serial 0A"));
  CHECK(outcome.err == "gatewayctl: this is in force, but a restart loses it, as it can't be saved: disk full\n");
}

TEST_CASE("what nobody has confirmed, what isn't there and what is wrong are told apart") {
  SUBCASE("timeout") {
    FakeDaemon daemon(http(504, body("timeout", R"(, "error": "not every worker")")));
    const Outcome outcome = run({.serial = "0a"}, daemon.socket());
    CHECK(outcome.code == ExitCode::timeout);
    CHECK(outcome.err == "gatewayctl: not every worker\n");
  }
  SUBCASE("unknown") {
    FakeDaemon daemon(http(404, body("unknown", R"(, "error": "there is no entry")")));
    const Outcome outcome = run({.serial = "0a", .remove = true}, daemon.socket());
    CHECK(outcome.code == ExitCode::refused);
    CHECK(outcome.err == "gatewayctl: there is no entry\n");
    CHECK(daemon.request().starts_with("POST /unrevoke HTTP/1.1\r\n"));
  }
  SUBCASE("refused") {
    FakeDaemon daemon(http(422, R"({"error": "a serial number is hexadecimal"})"));
    const Outcome outcome = run({.serial = "xyz"}, daemon.socket());
    CHECK(outcome.code == ExitCode::refused);
    CHECK(outcome.err == "gatewayctl: gatewayd answered 422: a serial number is hexadecimal\n");
  }
  SUBCASE("a daemon that knows no such thing") {
    FakeDaemon daemon(http(404, R"({"error": "there are POST /reload"})"));
    CHECK(run({.serial = "0a"}, daemon.socket()).code == ExitCode::refused);
  }
  SUBCASE("nothing named") {
    CHECK(run({}, "/nonexistent").code == ExitCode::usage);
  }
}

TEST_CASE("with --json the answer is one document, whatever it is") {
  FakeDaemon daemon(http(500, body("unsaved", R"(, "error": "disk full")")));
  const Outcome outcome = run({.serial = "0a"}, daemon.socket(), true);
  CHECK(outcome.code == ExitCode::refused);
  CHECK(outcome.out.find(R"("result": "unsaved")") != std::string::npos);
  CHECK(outcome.err.empty());
}

TEST_CASE("the list is a table") {
  FakeDaemon daemon(http(200, R"({"count": 1, "saved": true, "entries": [{"fingerprint": null, "serial": "0A"}]})"));
  const Outcome outcome = run({.list = true}, daemon.socket());
  CHECK(outcome.code == ExitCode::done);
  CHECK(outcome.out == "count  1\nsaved  yes\nentries\n  FINGERPRINT  SERIAL\n  -            0A\n");
  CHECK(daemon.request().starts_with("GET /revocations HTTP/1.1\r\n"));
}
