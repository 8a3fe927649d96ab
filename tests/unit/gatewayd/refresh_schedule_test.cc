#include "gatewayd/refresh_schedule.h"

#include <doctest/doctest.h>

using namespace gateway::gatewayd;
using namespace std::chrono_literals;

namespace {
constexpr std::chrono::sys_seconds kNow{1'700'000'000s};
}

TEST_CASE("what goes well is asked for again after the interval, and sooner when its end is near") {
  CHECK(after_success(1h, std::nullopt, kNow, 0) == 1h);
  CHECK(after_success(1h, std::chrono::sys_seconds::max(), kNow, 0) == 1h);
  CHECK(after_success(1h, kNow + 24h, kNow, 0) == 1h);
  CHECK(after_success(1h, kNow + 90min, kNow, 0) == 45min);
  CHECK(after_success(1h, kNow + 90s, kNow, 0) == 45s);
  CHECK(after_success(1h, kNow + 1s, kNow, 0) == 5s);
  CHECK(after_success(1h, kNow - 90s, kNow, 0) == 1min);  // over: it must be replaced any minute
  CHECK(after_success(5s, kNow - 90s, kNow, 0) == 5s);
}

TEST_CASE("the dice spread gateways that began together, but never make one later") {
  CHECK(after_success(100s, std::nullopt, kNow, 1) == 90s);
  CHECK(after_failure(1h, 1, 1) == 2500ms);
}

TEST_CASE("what fails is tried again soon, then ever more rarely") {
  CHECK(after_failure(1h, 1, 0) == 5s);
  CHECK(after_failure(1h, 2, 0) == 10s);
  CHECK(after_failure(1h, 7, 0) == 320s);
  CHECK(after_failure(1h, 8, 0) == 10min);
  CHECK(after_failure(24h, 1'000'000, 0) == 10min);
  CHECK(after_failure(2s, 1, 0) == 2s);
}
