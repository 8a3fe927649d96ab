#include "gatewayd/retired_generations.h"

#include <doctest/doctest.h>

using namespace gateway;
using namespace gateway::gatewayd;

namespace {

struct Freed {
  explicit Freed(int& count) : count_(count) {}
  Freed(const Freed&) = delete;
  Freed& operator=(const Freed&) = delete;
  ~Freed() { ++count_; }

 private:
  int& count_;
};

}  // namespace

TEST_CASE("what a worker still holds is kept, and freed here once the worker has let it go") {
  core::EventLoop loop;
  RetiredGenerations retired(loop);
  int freed = 0;
  auto held_by_worker = std::make_shared<const Freed>(freed);
  retired.add(held_by_worker);
  retired.add(std::make_shared<const Freed>(freed));
  retired.add(nullptr);
  CHECK(retired.size() == 2);
  retired.release();
  CHECK(retired.size() == 1);
  CHECK(freed == 1);
  held_by_worker.reset();
  CHECK(freed == 1);
  retired.release();
  CHECK(retired.size() == 0);
  CHECK(freed == 2);
}

TEST_CASE("a timer counts from the moment when it is started, however long this turn of the loop has lasted") {
  core::EventLoop loop;
  int fired = 0;
  Timer timer(loop, [&] { ++fired; });
  // As after a load of many seconds: the loop has not looked at the clock since.
  loop.get()->time -= 60'000;
  timer.start(core::Milliseconds(30'000));
  uv_run(loop.get(), UV_RUN_NOWAIT);
  CHECK(fired == 0);
  CHECK(timer.is_active());
}
