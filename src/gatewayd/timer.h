#pragma once

#include <uv.h>

#include <functional>
#include <utility>

#include "core/event_loop.h"
#include "core/limits.h"
#include "core/uv_handle.h"

namespace gateway::gatewayd {

// A uv_timer of the control thread's loop or the status thread's. Used on the loop's thread; dying stops it. The
// callback must not free the timer: retire its owner.
class Timer {
 public:
  using Callback = std::move_only_function<void()>;
  Timer(core::EventLoop& loop, Callback on_time) : on_time_(std::move(on_time)) {
    const int status = timer_.init([&](uv_timer_t* handle) { return uv_timer_init(loop.get(), handle); }, this);
    if (status != 0) core::broken_invariant("uv_timer_init failed");
  }

  // Starts anew; `repeat` 0: fires once.
  void start(core::Milliseconds after, core::Milliseconds repeat = core::Milliseconds{0}) {
    // The loop's idea of now is as old as its turn, and loading ten thousand hosts takes one turn of many seconds.
    uv_update_time(timer_.get()->loop);
    uv_timer_start(
        timer_.get(),
        [](uv_timer_t* handle) {
          if (auto* self = core::UvHandle<uv_timer_t>::owner<Timer>(handle)) self->on_time_();
        },
        static_cast<std::uint64_t>(after.count()), static_cast<std::uint64_t>(repeat.count()));
  }
  void stop() { uv_timer_stop(timer_.get()); }
  [[nodiscard]] bool is_active() const { return uv_is_active(timer_.base()) != 0; }

 private:
  Callback on_time_;
  core::UvHandle<uv_timer_t> timer_;
};

}  // namespace gateway::gatewayd
