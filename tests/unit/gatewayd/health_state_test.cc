#include "gatewayd/health_state.h"

#include <doctest/doctest.h>

#include "gatewayd/health_probe.h"

using namespace gateway::gatewayd;

TEST_CASE("an endpoint falls after so many failures in a row, and a success in between starts anew") {
  HealthState state;
  CHECK(state.healthy());
  CHECK_FALSE(state.record(false, 3, 2));
  CHECK_FALSE(state.record(false, 3, 2));
  CHECK_FALSE(state.record(true, 3, 2));
  CHECK_FALSE(state.record(false, 3, 2));
  CHECK_FALSE(state.record(false, 3, 2));
  CHECK(state.healthy());
  CHECK(state.record(false, 3, 2));
  CHECK_FALSE(state.healthy());
  CHECK_FALSE(state.record(false, 3, 2));
}

TEST_CASE("it rises after so many successes in a row") {
  HealthState state;
  CHECK(state.record(false, 1, 2));
  CHECK_FALSE(state.record(true, 1, 2));
  CHECK_FALSE(state.record(false, 1, 2));
  CHECK_FALSE(state.record(true, 1, 2));
  CHECK_FALSE(state.healthy());
  CHECK(state.record(true, 1, 2));
  CHECK(state.healthy());
}

TEST_CASE("2xx and 3xx are healthy, everything else is not, and half a status line is no verdict") {
  for (const char* good : {"HTTP/1.1 200 OK\r\n", "HTTP/1.0 204", "HTTP/1.1 302 Found"}) {
    CAPTURE(good);
    const auto verdict = judge_probe_answer(good);
    CHECK(verdict.complete);
    CHECK(verdict.detail.empty());
  }
  for (const char* bad : {"HTTP/1.1 404 No", "HTTP/1.1 500", "HTTP/1.1 100 Continue", "SSH-2.0-x", "HTTP/2 200 OK",
                          "HTTP/1.1 abc", "HTTP/1.1-200 OK"}) {
    CAPTURE(bad);
    const auto verdict = judge_probe_answer(bad);
    CHECK(verdict.complete);
    CHECK_FALSE(verdict.detail.empty());
  }
  for (const char* half : {"", "HTT", "HTTP/1.1 20"}) CHECK_FALSE(judge_probe_answer(half).complete);
}
