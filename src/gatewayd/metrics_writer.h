#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <vector>

#include "gatewayd/metric_family.h"
#include "gatewayd/metrics_text.h"

namespace gateway::gatewayd {

// The families of one scrape while they are made: sums the shards of all workers. What has not happened yet is named
// with zero, so that rate() sees the first event. Control thread only.
class MetricsWriter {
 public:
  // Both outlive the writer.
  MetricsWriter(const MetricsInput& input, SeriesLimit& limit) : input_(input), limit_(limit) {}

  [[nodiscard]] Family counter(std::string name, std::string help, std::vector<std::string> labels = {}) const {
    return {limit_, prometheus::MetricType::Counter, std::move(name), std::move(help), std::move(labels)};
  }
  [[nodiscard]] Family gauge(std::string name, std::string help, std::vector<std::string> labels = {}) const {
    return {limit_, prometheus::MetricType::Gauge, std::move(name), std::move(help), std::move(labels)};
  }
  [[nodiscard]] Family histogram(std::string name, std::string help, std::vector<std::string> labels) const {
    return {limit_, prometheus::MetricType::Histogram, std::move(name), std::move(help), std::move(labels)};
  }

  // A family without a series is left out.
  void add(Family& family) {
    auto taken = family.take();
    if (!taken.metric.empty()) families_.push_back(std::move(taken));
  }
  // Of one series without labels.
  void add_single(Family family, double value) {
    family.add({}, value);
    add(family);
  }

  [[nodiscard]] const MetricsInput& input() const { return input_; }
  [[nodiscard]] const proxy::Snapshot& snapshot() const { return *input_.config->snapshot; }
  // Calls visit(virtual host's name, its numbers) for each worker's shard.
  template <typename Visit>
  void each_host(Visit visit) const {
    for (const auto& worker : input_.workers) {
      for (const auto& [name, host] : worker->hosts) visit(label_of(name), host);
    }
  }

  [[nodiscard]] std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

  // "none" for what has no name.
  [[nodiscard]] static std::string label_of(std::string_view value) {
    return std::string(value.empty() ? kNone : value);
  }
  static constexpr std::string_view kNone = "none";

 private:
  const MetricsInput& input_;
  SeriesLimit& limit_;
  std::vector<prometheus::MetricFamily> families_;
};

// One function a subject, each in a file of its own.
void add_tls_metrics(MetricsWriter& writer);       // handshakes, certificates, CRLs
void add_ocsp_metrics(MetricsWriter& writer);      // what responders say of clients
void add_status_metrics(MetricsWriter& writer);    // what is fetched: CRLs, OCSP staples
void add_http_metrics(MetricsWriter& writer);      // policy decisions, requests, refusals, connections of clients
void add_upstream_metrics(MetricsWriter& writer);  // requests to upstreams, their connections and health
void add_daemon_metrics(MetricsWriter& writer);    // config, reloads, workers, process
void add_rotation_metrics(MetricsWriter& writer);  // files that were taken by themselves, or could not be

inline double number(std::uint64_t value) {
  return static_cast<double>(value);
}
inline double seconds_of(auto time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace gateway::gatewayd
