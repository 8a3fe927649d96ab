#include "gatewayd/watchdog.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <uv.h>

#include <cstdlib>
#include <string>
#include <vector>

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;

namespace {

// Two workers that answer when the test says so.
struct Scene {
  core::EventLoop loop;
  std::vector<std::uint64_t> asked;
  int alive = 0;
  Watchdog watchdog{loop, 2, [this](std::uint64_t round) { asked.push_back(round); }, [this] { ++alive; }};

  // Turns the loop until `count` rounds were asked for; false if that does not happen.
  bool asked_for(std::size_t count) {
    const std::uint64_t until = uv_hrtime() + 20'000'000'000U;
    while (asked.size() < count && uv_hrtime() < until) uv_run(loop.get(), UV_RUN_ONCE);
    return asked.size() == count;
  }
  // As many ticks as would be rounds if all workers answered.
  void let_pass(core::Milliseconds time) {
    const std::uint64_t until = uv_hrtime() + static_cast<std::uint64_t>(time.count()) * 1'000'000U;
    while (uv_hrtime() < until) uv_run(loop.get(), UV_RUN_NOWAIT);
  }
};

void set(const char* name, const std::string& value) {
  ::setenv(name, value.c_str(), 1);
}

}  // namespace

TEST_CASE("a keep-alive is sent when all workers have answered, and once a round") {
  Scene scene;
  scene.watchdog.start(20ms);
  for (std::size_t round = 1; round <= 4; ++round) {
    REQUIRE(scene.asked_for(round));
    CHECK(scene.alive == static_cast<int>(round) - 1);
    scene.watchdog.on_pong(0, scene.asked.back());
    scene.watchdog.on_pong(0, scene.asked.back());
    CHECK(scene.alive == static_cast<int>(round) - 1);
    scene.watchdog.on_pong(1, scene.asked.back());
    scene.watchdog.on_pong(1, scene.asked.back());
    CHECK(scene.alive == static_cast<int>(round));
  }
}

TEST_CASE("a worker that hangs ends the keep-alives and is not asked again; when it answers they go on") {
  Scene scene;
  scene.watchdog.start(10ms);
  REQUIRE(scene.asked_for(1));
  scene.watchdog.on_pong(0, 1);
  scene.let_pass(100ms);
  CHECK(scene.asked.size() == 1);
  CHECK(scene.alive == 0);
  scene.watchdog.on_pong(1, 1);
  CHECK(scene.alive == 1);
  REQUIRE(scene.asked_for(2));
}

TEST_CASE("an answer to an earlier round, or of a worker that there is not, counts for nothing") {
  Scene scene;
  scene.watchdog.start(10ms);
  scene.watchdog.on_pong(0, 1);
  scene.watchdog.on_pong(1, 1);
  REQUIRE(scene.asked_for(2));
  scene.watchdog.on_pong(0, 2);
  scene.watchdog.on_pong(1, 1);
  scene.watchdog.on_pong(7, 2);
  CHECK(scene.alive == 1);
  scene.watchdog.on_pong(1, 2);
  CHECK(scene.alive == 2);
}

TEST_CASE("the limit is the environment's if it is meant for this process, and nobody inherits it") {
  ::unsetenv("WATCHDOG_PID");
  CHECK_FALSE(Watchdog::limit_from_environment());
  set("WATCHDOG_USEC", "30000000");
  CHECK(Watchdog::limit_from_environment() == 30s);
  CHECK(std::getenv("WATCHDOG_USEC") == nullptr);

  set("WATCHDOG_USEC", "2500");
  set("WATCHDOG_PID", std::to_string(::getpid()));
  CHECK(Watchdog::limit_from_environment() == 2ms);
  CHECK(std::getenv("WATCHDOG_PID") == nullptr);

  set("WATCHDOG_USEC", "30000000");
  set("WATCHDOG_PID", std::to_string(::getpid() + 1));
  CHECK_FALSE(Watchdog::limit_from_environment());
  for (const char* nonsense : {"", "0", "-1", "1s", "18446744073709551615", "99999999999999999999"}) {
    CAPTURE(nonsense);
    set("WATCHDOG_USEC", nonsense);
    CHECK_FALSE(Watchdog::limit_from_environment());
  }
}
