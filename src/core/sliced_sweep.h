#pragma once

#include <cstddef>
#include <functional>

#include "core/event_loop.h"

namespace gateway::core {

// Visits each element of a sequence, a few in one turn of the loop, so that what else the loop has to do never waits
// for all of them. Goes down from the end, so that nobody is missed where the last element takes the place of one that
// left; such a one may be visited twice, and one that is added meanwhile is not. On the loop's thread.
class SlicedSweep {
 public:
  // Visits a turn.
  static constexpr std::size_t kSlice = 32;

  // `size` is asked before each visit; `visit(index)` may remove elements and begin the sweep anew.
  SlicedSweep(EventLoop& loop, std::function<std::size_t()> size, std::function<void(std::size_t)> visit);
  SlicedSweep(const SlicedSweep&) = delete;
  SlicedSweep& operator=(const SlicedSweep&) = delete;

  // From the end, wherever it was.
  void begin();

 private:
  void visit_slice();

  std::function<std::size_t()> size_;
  std::function<void(std::size_t)> visit_;
  UvHandle<uv_idle_t> idle_;
  std::size_t cursor_ = 0;
};

}  // namespace gateway::core
