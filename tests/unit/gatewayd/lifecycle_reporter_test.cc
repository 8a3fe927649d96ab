#include "gatewayd/lifecycle_reporter.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <uv.h>

#include <string>

#include "service_manager.h"
#include "temp_folder.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;

namespace {

ReloadOutcome outcome(ReloadResult result, std::uint64_t generation, const std::string& error = "") {
  ReloadOutcome made{
      .result = result, .generation = generation, .trigger = "admin", .time = {}, .changes = {}, .diagnostics = {}};
  made.diagnostics.push_back({.severity = config::Severity::warning,
                              .file = "g.yaml",
                              .line = 1,
                              .column = 1,
                              .value = "",
                              .message = "careful"});
  if (!error.empty()) {
    made.diagnostics.push_back(
        {.severity = config::Severity::error, .file = "g.yaml", .line = 2, .column = 3, .value = "", .message = error});
  }
  return made;
}

struct Scene {
  TempFolder folder;
  ServiceManager manager{folder / "notify"};
  ServiceNotifier notifier{folder / "notify"};
  core::EventLoop loop;
  LifecycleReporter reporter{loop, notifier};

  std::string next() { return manager.next().value_or("(nothing)"); }
  std::string ready(const std::string& status) const {
    return "READY=1\nMAINPID=" + std::to_string(::getpid()) + "\nSTATUS=" + status;
  }
};

}  // namespace

TEST_CASE("READY comes with the first generation and after every reload, a refused one too") {
  Scene scene;
  scene.reporter.on_reload_begun("start");
  CHECK(scene.next() == "(nothing)");
  scene.reporter.on_reload_finished(outcome(ReloadResult::reloaded, 1));
  CHECK(scene.next() == scene.ready("Serving generation 1."));

  const auto before = uv_hrtime() / 1000;
  scene.reporter.on_reload_begun("admin");
  const std::string reloading = scene.next();
  REQUIRE(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="));
  const auto stamp = std::stoull(reloading.substr(reloading.find("USEC=") + 5));
  CHECK(stamp >= before);
  CHECK(stamp <= uv_hrtime() / 1000);
  scene.reporter.on_reload_finished(outcome(ReloadResult::refused, 1, "what is this?"));
  CHECK(scene.next() ==
        scene.ready("Serving generation 1. The last reload (admin) was refused: g.yaml:2:3: error: what is this?"));

  scene.reporter.on_reload_begun("admin");
  scene.next();
  scene.reporter.on_reload_finished(outcome(ReloadResult::timeout, 2));
  CHECK(scene.next() == scene.ready("Serving generation 2. Not every worker has taken it in time."));
  scene.reporter.on_reload_begun("admin");
  scene.next();
  scene.reporter.on_reload_finished(outcome(ReloadResult::reloaded, 3));
  CHECK(scene.next() == scene.ready("Serving generation 3."));
}

TEST_CASE("a first generation that can't be served is told in words, and never as READY") {
  Scene scene;
  scene.reporter.on_reload_begun("start");
  SUBCASE("refused") {
    scene.reporter.on_reload_finished(outcome(ReloadResult::refused, 0, "can't bind"));
    CHECK(scene.next() == "STATUS=Can't start: g.yaml:2:3: error: can't bind");
  }
  SUBCASE("too slow") {
    scene.reporter.on_reload_finished(outcome(ReloadResult::timeout, 1));
    CHECK(scene.next() == "STATUS=Can't start: not every worker answers.");
  }
  CHECK(scene.next() == "(nothing)");
}

TEST_CASE("an announced drain stays in the status, and after STOPPING nothing takes it back") {
  Scene scene;
  scene.reporter.on_reload_finished(outcome(ReloadResult::reloaded, 1));
  scene.next();
  scene.reporter.on_drain_announced();
  const std::string draining = "Serving generation 1. Draining is announced: not ready, waits for SIGTERM.";
  CHECK(scene.next() == "STATUS=" + draining);
  scene.reporter.on_reload_begun("watch");
  CHECK(scene.next().starts_with("RELOADING=1\n"));
  scene.reporter.on_reload_finished(outcome(ReloadResult::refused, 1, "no"));
  CHECK(scene.next().find(draining) != std::string::npos);

  scene.reporter.on_stopping(42'500ms);
  CHECK(scene.next() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=42500000\nSTATUS=Draining: ends in 43 s at most.");
  scene.reporter.on_stopping(1ms);
  scene.reporter.on_reload_begun("admin");
  scene.reporter.on_reload_finished(outcome(ReloadResult::refused, 1, "the daemon is draining"));
  scene.reporter.on_drain_announced();
  CHECK(scene.next() == "(nothing)");
}

TEST_CASE("what the manager could not take at once is told later") {
  Scene scene;
  int sent = 0;
  for (; !scene.notifier.has_waiting(); ++sent) scene.notifier.send("N=" + std::to_string(sent));
  scene.reporter.on_reload_finished(outcome(ReloadResult::reloaded, 1));
  std::string last;
  const std::uint64_t until = uv_hrtime() + 20'000'000'000U;
  while (!last.starts_with("READY=1") && uv_hrtime() < until) {
    last = scene.manager.next().value_or(last);
    uv_run(scene.loop.get(), UV_RUN_NOWAIT);
  }
  CHECK(last.starts_with("READY=1"));
}
