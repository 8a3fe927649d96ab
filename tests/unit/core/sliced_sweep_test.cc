#include "core/sliced_sweep.h"

#include <doctest/doctest.h>

#include <vector>

using gateway::core::EventLoop;
using gateway::core::SlicedSweep;

namespace {

// Elements that are not there any more leave a gap for the last one, as a worker's connections do.
struct Elements {
  std::vector<int> left;
  std::vector<int> visited;

  explicit Elements(int count) {
    for (int i = 0; i < count; ++i) left.push_back(i);
  }
  void remove(std::size_t index) {
    left[index] = left.back();
    left.pop_back();
  }
  void turn(EventLoop& loop) { uv_run(loop.get(), UV_RUN_NOWAIT); }
};

constexpr int kMany = static_cast<int>(SlicedSweep::kSlice) * 3 + 5;

}  // namespace

TEST_CASE("a sweep visits a bounded number of elements in one turn of the loop, and all in the end") {
  EventLoop loop;
  Elements elements(kMany);
  SlicedSweep sweep(
      loop, [&] { return elements.left.size(); }, [&](std::size_t i) { elements.visited.push_back(elements.left[i]); });
  sweep.begin();
  CHECK_MESSAGE(elements.visited.empty(), "whoever begins it is not kept waiting");
  for (std::size_t turns = 1; turns <= 3; ++turns) {
    elements.turn(loop);
    CHECK(elements.visited.size() == turns * SlicedSweep::kSlice);
  }
  elements.turn(loop);
  CHECK(elements.visited.size() == kMany);
  CHECK(elements.visited.front() == kMany - 1);
  CHECK(elements.visited.back() == 0);
  elements.turn(loop);
  CHECK_MESSAGE(elements.visited.size() == kMany, "it ends");
}

TEST_CASE("a sweep misses nobody if each element leaves when it is visited") {
  EventLoop loop;
  Elements elements(kMany);
  SlicedSweep sweep(loop, [&] { return elements.left.size(); }, [&](std::size_t i) { elements.remove(i); });
  sweep.begin();
  for (int turns = 0; turns < 4; ++turns) elements.turn(loop);
  CHECK(elements.left.empty());
}

TEST_CASE("a sweep misses nobody if elements leave between its slices") {
  EventLoop loop;
  Elements elements(kMany);
  std::vector<bool> seen(kMany);
  SlicedSweep sweep(
      loop, [&] { return elements.left.size(); },
      [&](std::size_t i) { seen[static_cast<std::size_t>(elements.left[i])] = true; });
  sweep.begin();
  for (int turns = 0; turns < 10; ++turns) {
    elements.turn(loop);
    // The last one takes a place that is still to be visited, or that was.
    if (!elements.left.empty()) elements.remove(elements.left.size() / 2);
    if (!elements.left.empty()) elements.remove(0);
  }
  for (const int left : elements.left) CHECK(seen[static_cast<std::size_t>(left)]);
}

TEST_CASE("a sweep that begins anew visits all again") {
  EventLoop loop;
  Elements elements(kMany);
  SlicedSweep sweep(
      loop, [&] { return elements.left.size(); }, [&](std::size_t i) { elements.visited.push_back(elements.left[i]); });
  sweep.begin();
  elements.turn(loop);
  sweep.begin();
  for (int turns = 0; turns < 5; ++turns) elements.turn(loop);
  CHECK(elements.visited.size() == SlicedSweep::kSlice + kMany);
}
