#include "gatewayctl/admin_commands.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
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

Outcome run(ExitCode (*command)(const AdminArguments&, const Output&), const std::filesystem::path& socket, bool json,
            std::chrono::milliseconds timeout = 10s) {
  std::ostringstream out;
  std::ostringstream err;
  const ExitCode code =
      command({.socket = socket, .timeout = timeout, .wait = {}}, Output{.out = out, .err = err, .json = json});
  return {.code = code, .out = out.str(), .err = err.str()};
}

constexpr const char* kRefusal = R"({"result": "refused", "generation": 3, "errors": [
  {"file": "g.yaml", "line": 7, "column": 3, "value": "strct", "message": "'strct': expected strict", "severity": "error"}], "warnings": [
  {"file": "g.yaml", "line": 9, "column": 1, "value": "", "message": "expires soon", "severity": "warning"}]})";

}  // namespace

TEST_CASE("a reload tells the new generation, what changed, and warnings on stderr") {
  FakeDaemon daemon(http(200, R"({"result": "reloaded", "generation": 4, "changes": ["virtual host a: added"],
    "warnings": [{"file": "g.yaml", "line": 2, "column": 5, "value": "", "message": "soon", "severity": "warning"}]})"));
  const Outcome outcome = run(reload, daemon.socket(), false);
  CHECK(outcome.code == ExitCode::done);
  CHECK(outcome.out == "reloaded: generation 4\n  virtual host a: added\n");
  CHECK(outcome.err == "g.yaml:2:5: warning: soon\n");
  CHECK(daemon.request().starts_with("POST /reload HTTP/1.1\r\n"));
}

TEST_CASE("a refused reload prints every finding as compilers do and says what goes on serving") {
  FakeDaemon daemon(http(422, kRefusal));
  const Outcome outcome = run(reload, daemon.socket(), false);
  CHECK(outcome.code == ExitCode::refused);
  CHECK(outcome.out.empty());
  CHECK(outcome.err ==
        "g.yaml:7:3: error: 'strct': expected strict\n"
        "g.yaml:9:1: warning: expires soon\n"
        "refused: generation 3 goes on serving\n");
}

TEST_CASE("with --json there is one document on stdout, whatever happens") {
  SUBCASE("refused") {
    FakeDaemon daemon(http(422, kRefusal));
    const Outcome outcome = run(reload, daemon.socket(), true);
    CHECK(outcome.code == ExitCode::refused);
    CHECK(outcome.err.empty());
    CHECK(nlohmann::ordered_json::parse(outcome.out) == nlohmann::ordered_json::parse(kRefusal));
  }
  SUBCASE("not reachable") {
    const Outcome outcome = run(reload, "/nonexistent/admin.sock", true);
    CHECK(outcome.code == ExitCode::unreachable);
    const auto document = nlohmann::ordered_json::parse(outcome.out);
    CHECK(document["result"] == "unreachable");
    CHECK(document["file"] == "/nonexistent/admin.sock");
  }
  SUBCASE("timeout") {
    FakeDaemon daemon("", FakeDaemon::Mood::silent);
    const Outcome outcome = run(reload, daemon.socket(), true, 50ms);
    CHECK(outcome.code == ExitCode::timeout);
    CHECK(nlohmann::ordered_json::parse(outcome.out)["result"] == "timeout");
  }
}

TEST_CASE("workers that take too long are a timeout, not a refusal") {
  FakeDaemon daemon(http(504, R"({"result": "timeout", "generation": 4})"));
  CHECK(run(reload, daemon.socket(), false).code == ExitCode::timeout);
}

TEST_CASE("an answer nobody expects is refused with its reason, and one that is no JSON is no daemon's") {
  {
    FakeDaemon daemon(http(500, R"({"error": "out of memory\u001b[31m"})"));
    const Outcome outcome = run(reload, daemon.socket(), false);
    CHECK(outcome.code == ExitCode::refused);
    CHECK(outcome.err == "gatewayctl: gatewayd answered 500: out of memory\\x1B[31m\n");
  }
  FakeDaemon daemon(http(200, "<html>"));
  CHECK(run(status, daemon.socket(), false).code == ExitCode::unreachable);
}

TEST_CASE("members of the wrong type do not hurt") {
  FakeDaemon daemon(http(422, R"({"generation": {}, "errors": [1, {"line": "x", "message": "m"}, null]})"));
  const Outcome outcome = run(reload, daemon.socket(), false);
  CHECK(outcome.code == ExitCode::refused);
  CHECK(outcome.err == ": error: m\nrefused: generation {} goes on serving\n");
}

TEST_CASE("health is done only if the daemon is ready") {
  {
    FakeDaemon daemon(http(200, R"({"ready": true})"));
    CHECK(run(health, daemon.socket(), false).code == ExitCode::done);
  }
  {
    FakeDaemon daemon(http(503, R"({"ready": false})"));
    CHECK(run(health, daemon.socket(), false).code == ExitCode::refused);
  }
  CHECK(run(health, "/nonexistent/admin.sock", false).code == ExitCode::unreachable);
}

TEST_CASE("timeouts are written with a unit or in seconds") {
  CHECK(parse_timeout("250ms") == 250ms);
  CHECK(parse_timeout("5s") == 5s);
  CHECK(parse_timeout("2m") == 2min);
  CHECK(parse_timeout("7") == 7s);
  for (const char* bad : {"", "0", "-1", "1h", "s", "ms", "1.5s", "61m", "99999999999999999999", "5 s"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_timeout(bad));
  }
}

TEST_CASE("a drain is announced, and its time is waited for in full") {
  FakeDaemon daemon(http(200, R"({"ready": false, "draining": true})"));
  std::ostringstream out;
  std::ostringstream err;
  const auto begin = std::chrono::steady_clock::now();
  const ExitCode code =
      drain({.socket = daemon.socket(), .timeout = 10s, .wait = 50ms}, Output{.out = out, .err = err, .json = true});
  CHECK(code == ExitCode::done);
  CHECK(std::chrono::steady_clock::now() - begin >= 50ms);
  CHECK(nlohmann::json::parse(out.str()).at("draining") == true);
  CHECK(daemon.request().starts_with("POST /drain HTTP/1.1\r\n"));
}

TEST_CASE("a drain that nobody answers is not waited for") {
  std::ostringstream out;
  std::ostringstream err;
  CHECK(drain({.socket = "/nonexistent/admin.sock", .timeout = 10s, .wait = 1h},
              Output{.out = out, .err = err, .json = false}) == ExitCode::unreachable);
}
