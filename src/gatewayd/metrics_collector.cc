#include "gatewayd/metrics_collector.h"

#include <algorithm>
#include <utility>

namespace gateway::gatewayd {

bool WorkerReports::all_answered() const {
  return std::ranges::all_of(workers, [](const One& worker) { return worker.answered; });
}

MetricsCollector::MetricsCollector(core::EventLoop& loop, unsigned workers, std::function<void(std::uint64_t)> ask)
    : ask_(std::move(ask)), deadline_(loop, [this] { finish(); }) {
  const auto nothing = std::make_shared<const proxy::WorkerMetrics>();
  reports_.workers.assign(workers, WorkerReports::One{.metrics = nothing});
}

void MetricsCollector::collect(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  for (auto& worker : reports_.workers) worker.answered = false;
  deadline_.start(kDeadline);
  ask_(++round_);
}

void MetricsCollector::on_report(const proxy::WorkerReport& report) {
  if (report.worker >= reports_.workers.size() || !report.metrics) return;
  auto& worker = reports_.workers[report.worker];
  worker.metrics = report.metrics;
  // The answer to an earlier round says nothing about today's health.
  if (report.request != round_ || waiting_.empty()) return;
  worker.answered = true;
  if (reports_.all_answered()) finish();
}

void MetricsCollector::finish() {
  deadline_.stop();
  // Those who ask from within a callback start the next round.
  auto waiting = std::exchange(waiting_, {});
  const WorkerReports reports = reports_;
  for (auto& done : waiting) done(reports);
}

}  // namespace gateway::gatewayd
