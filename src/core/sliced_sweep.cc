#include "core/sliced_sweep.h"

#include <algorithm>
#include <utility>

namespace gateway::core {

SlicedSweep::SlicedSweep(EventLoop& loop, std::function<std::size_t()> size, std::function<void(std::size_t)> visit)
    : size_(std::move(size)), visit_(std::move(visit)) {
  idle_.init([&](uv_idle_t* handle) { return uv_idle_init(loop.get(), handle); }, this);
}

void SlicedSweep::begin() {
  cursor_ = size_();
  uv_idle_start(idle_.get(), [](uv_idle_t* handle) {
    if (auto* self = UvHandle<uv_idle_t>::owner<SlicedSweep>(handle)) self->visit_slice();
  });
}

void SlicedSweep::visit_slice() {
  for (std::size_t visited = 0; visited < kSlice; ++visited) {
    cursor_ = std::min(cursor_, size_());
    if (cursor_ == 0) {
      uv_idle_stop(idle_.get());
      return;
    }
    visit_(--cursor_);
  }
}

}  // namespace gateway::core
