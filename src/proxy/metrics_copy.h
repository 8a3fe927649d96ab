#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "proxy/worker_metrics.h"

namespace gateway::proxy {

// A copy of a worker's numbers for a scrape, made in slices: with ten thousand hosts the whole at once would keep the
// worker's clients waiting. Each host's numbers belong together; those of two hosts may be some turns of the loop
// apart.
class MetricsCopy {
 public:
  // Hosts or endpoints a slice: some tens of microseconds.
  static constexpr std::size_t kSlice = 64;

  // Begins anew. `source` outlives the copy, which relies on its hosts and endpoints never being taken out.
  void begin(const WorkerMetrics& source);
  [[nodiscard]] bool is_running() const { return source_ != nullptr; }
  // One slice more. The copy once it is whole, then there is no running one any more; else null.
  std::shared_ptr<const WorkerMetrics> next_slice();

 private:
  const WorkerMetrics* source_ = nullptr;
  std::shared_ptr<WorkerMetrics> copy_;
  decltype(WorkerMetrics::hosts)::const_iterator next_host_;
  decltype(WorkerMetrics::endpoints)::const_iterator next_endpoint_;
};

}  // namespace gateway::proxy
