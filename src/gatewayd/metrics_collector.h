#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/event_loop.h"
#include "core/limits.h"
#include "gatewayd/timer.h"
#include "proxy/worker_message.h"

namespace gateway::gatewayd {

// What every worker has counted. A worker that did not answer in time is represented by its last report.
struct WorkerReports {
  struct One {
    std::shared_ptr<const proxy::WorkerMetrics> metrics;  // never null; empty before the first report
    bool answered = false;                                // in this round
  };
  std::vector<One> workers;
  [[nodiscard]] bool all_answered() const;
};

// Asks all workers for their numbers, one round at a time: whoever asks during a round gets its result. Control thread
// only.
class MetricsCollector {
 public:
  static constexpr core::Milliseconds kDeadline{2'000};
  // `ask(request)` posts CollectMetrics to every worker.
  MetricsCollector(core::EventLoop& loop, unsigned workers, std::function<void(std::uint64_t request)> ask);

  using Done = std::move_only_function<void(const WorkerReports&)>;
  // `done` is called once, later, at most kDeadline from now.
  void collect(Done done);
  void on_report(const proxy::WorkerReport& report);

 private:
  void finish();

  std::function<void(std::uint64_t)> ask_;
  WorkerReports reports_;
  std::uint64_t round_ = 0;
  std::vector<Done> waiting_;
  Timer deadline_;
};

}  // namespace gateway::gatewayd
