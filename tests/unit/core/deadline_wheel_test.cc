#include "core/deadline_wheel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

using namespace gateway::core;

namespace {
// Runs the loop until `done` or the bound is reached.
template <typename Done>
void run_until(EventLoop& loop, Done done) {
  for (int turns = 0; turns < 1000 && !done(); ++turns) uv_run(loop.get(), UV_RUN_ONCE);
}
}  // namespace

TEST_CASE("deadlines expire in order and never early") {
  EventLoop loop;
  DeadlineWheel wheel(loop);
  std::vector<int> expired;
  const std::uint64_t start = loop.now();
  std::uint64_t first_at = 0;
  Deadline late(wheel, [&] { expired.push_back(2); });
  Deadline early(wheel, [&] {
    expired.push_back(1);
    first_at = loop.now();
  });
  late.set(Milliseconds(160));
  early.set(Milliseconds(60));
  run_until(loop, [&] { return expired.size() == 2; });
  CHECK(expired == std::vector<int>{1, 2});
  CHECK(first_at - start >= 60);
}

TEST_CASE("a cancelled or destroyed deadline never expires") {
  EventLoop loop;
  DeadlineWheel wheel(loop);
  bool wrong = false;
  bool done = false;
  Deadline cancelled(wheel, [&] { wrong = true; });
  auto destroyed = std::make_unique<Deadline>(wheel, [&] { wrong = true; });
  Deadline end(wheel, [&] { done = true; });
  cancelled.set(Milliseconds(10));
  destroyed->set(Milliseconds(10));
  end.set(Milliseconds(120));
  cancelled.cancel();
  destroyed.reset();
  run_until(loop, [&] { return done; });
  CHECK(done);
  CHECK_FALSE(wrong);
}

TEST_CASE("a deadline may set itself again and cancel its neighbours while it expires") {
  EventLoop loop;
  DeadlineWheel wheel(loop);
  int fired = 0;
  bool wrong = false;
  std::unique_ptr<Deadline> again;
  std::unique_ptr<Deadline> neighbour;
  again = std::make_unique<Deadline>(wheel, [&] {
    neighbour.reset();
    if (++fired < 3) again->set(Milliseconds(1));
  });
  neighbour = std::make_unique<Deadline>(wheel, [&] { wrong = true; });
  again->set(Milliseconds(1));
  neighbour->set(Milliseconds(1));
  run_until(loop, [&] { return fired == 3; });
  CHECK(fired == 3);
  CHECK_FALSE(wrong);
  CHECK_FALSE(again->is_set());
}

TEST_CASE("a deadline further away than the wheel is long stays for a later round") {
  EventLoop loop;
  DeadlineWheel wheel(loop);
  bool wrong = false;
  bool done = false;
  // 2048 slots of 50 ms: this one shares a slot with something near.
  Deadline far(wheel, [&] { wrong = true; });
  Deadline near(wheel, [&] { done = true; });
  far.set(Milliseconds(2048 * 50 + 60));
  near.set(Milliseconds(60));
  run_until(loop, [&] { return done; });
  CHECK(done);
  CHECK_FALSE(wrong);
  CHECK(far.is_set());
  far.cancel();
}

TEST_CASE(
    "of very many deadlines that are due at once each turn of the loop serves a bounded number, and none is lost") {
  constexpr std::size_t kMany = DeadlineWheel::kMostAtOnce * 5 + 3;
  EventLoop loop;
  DeadlineWheel wheel(loop);
  std::size_t expired = 0;
  std::vector<std::unique_ptr<Deadline>> deadlines;
  for (std::size_t i = 0; i < kMany; ++i) {
    deadlines.push_back(std::make_unique<Deadline>(wheel, [&] { ++expired; }));
    deadlines.back()->set(Milliseconds(60));
  }
  std::size_t most = 0;
  run_until(loop, [&, before = std::size_t{0}]() mutable {
    most = std::max(most, expired - std::exchange(before, expired));
    return expired == kMany;
  });
  CHECK(expired == kMany);
  CHECK(most == DeadlineWheel::kMostAtOnce);
}

TEST_CASE("a deadline that is cancelled while others are served before it never expires") {
  constexpr std::size_t kMany = DeadlineWheel::kMostAtOnce + 10;
  EventLoop loop;
  DeadlineWheel wheel(loop);
  std::size_t expired = 0;
  std::vector<std::unique_ptr<Deadline>> deadlines;
  for (std::size_t i = 0; i < kMany; ++i) {
    deadlines.push_back(std::make_unique<Deadline>(wheel, [&] { ++expired; }));
    deadlines.back()->set(Milliseconds(1));
  }
  run_until(loop, [&] { return expired != 0; });
  CHECK(expired == DeadlineWheel::kMostAtOnce);
  for (const auto& deadline : deadlines) deadline->cancel();
  bool done = false;
  Deadline end(wheel, [&] { done = true; });
  end.set(Milliseconds(120));
  run_until(loop, [&] { return done; });
  CHECK(done);
  CHECK(expired == DeadlineWheel::kMostAtOnce);
}
