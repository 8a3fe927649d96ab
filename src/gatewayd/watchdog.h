#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>

#include "core/event_loop.h"
#include "core/limits.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// Keeps the service manager's watchdog quiet for as long as the control loop and the loops of all workers turn: asks
// every worker each half of the limit, and says "alive" once all have answered. One that hangs ends the keep-alives,
// so that the manager ends us at most the limit after it. Control thread only.
class Watchdog {
 public:
  // `ask(round)` posts Ping to every worker. `alive()` tells the manager.
  Watchdog(core::EventLoop& loop, unsigned workers, std::function<void(std::uint64_t round)> ask,
           std::function<void()> alive);

  // $WATCHDOG_USEC, if $WATCHDOG_PID is this process or not set; both are taken out of the environment. nullopt: nobody
  // waits for keep-alives. Before any thread.
  static std::optional<core::Milliseconds> limit_from_environment();

  void start(core::Milliseconds limit);
  void on_pong(unsigned worker, std::uint64_t round);

 private:
  void tick();

  unsigned workers_;
  std::function<void(std::uint64_t)> ask_;
  std::function<void()> alive_;
  Timer timer_;
  std::uint64_t round_ = 0;
  std::set<unsigned> silent_;  // workers that have not answered in this round
  bool late_ = false;          // a tick found some
};

}  // namespace gateway::gatewayd
