#pragma once

#include <uv.h>

#include <array>
#include <functional>

#include "core/event_loop.h"
#include "core/uv_handle.h"

namespace gateway::gatewayd {

// The signals of the daemon, as calls on the control loop: HUP, TERM, INT, USR1.
class Signals {
 public:
  Signals(core::EventLoop& loop, std::function<void(int)> on_signal) : on_signal_(std::move(on_signal)) {
    constexpr std::array<int, 4> kNumbers = {SIGHUP, SIGTERM, SIGINT, SIGUSR1};
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      const int status =
          handles_[i].init([&](uv_signal_t* handle) { return uv_signal_init(loop.get(), handle); }, this);
      if (status != 0) core::broken_invariant("uv_signal_init failed");
      uv_signal_start(
          handles_[i].get(),
          [](uv_signal_t* handle, int number) {
            if (auto* self = core::UvHandle<uv_signal_t>::owner<Signals>(handle)) self->on_signal_(number);
          },
          kNumbers[i]);
    }
  }

 private:
  std::function<void(int)> on_signal_;
  std::array<core::UvHandle<uv_signal_t>, 4> handles_;
};

}  // namespace gateway::gatewayd
