#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/event_loop.h"
#include "core/limits.h"
#include "gatewayd/reload_observer.h"
#include "gatewayd/service_notifier.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// Puts what happens to the daemon into the service manager's words: READY, RELOADING, STOPPING, STATUS. Control thread
// only; dies before `notifier` and the loop.
class LifecycleReporter final : public ReloadObserver {
 public:
  LifecycleReporter(core::EventLoop& loop, ServiceNotifier& notifier);

  // READY=1 with the first generation that all workers serve, and after every later load: a refused one too, as the
  // generation before goes on.
  void on_reload_begun(std::string_view trigger) override;
  void on_reload_finished(const ReloadOutcome& outcome) override;
  // A drain was announced: the daemon serves, but wants no more clients.
  void on_drain_announced();
  // The daemon ends within `at_most`; the manager shall wait so long.
  void on_stopping(core::Milliseconds at_most);
  void keep_alive();

 private:
  void send(std::string message);
  [[nodiscard]] std::string serving_status() const;

  ServiceNotifier& notifier_;
  Timer again_;
  bool ready_ = false;
  bool stopping_ = false;
  bool drain_announced_ = false;
  std::uint64_t generation_ = 0;
  std::string trouble_;  // of the last load; "" if there is none
};

// The first error of a load, as a line; "" if there is none.
std::string first_error(const std::vector<config::Diagnostic>& diagnostics);

}  // namespace gateway::gatewayd
