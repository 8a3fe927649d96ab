#include "proxy/metrics_copy.h"

#include <doctest/doctest.h>

using namespace gateway;
using namespace gateway::proxy;

namespace {

WorkerMetrics metrics_of(std::size_t hosts, std::size_t endpoints) {
  WorkerMetrics metrics;
  for (std::size_t i = 0; i < hosts; ++i) metrics.hosts["h" + std::to_string(i)].verified_clients = i;
  for (std::size_t i = 0; i < endpoints; ++i) metrics.endpoints[{"u", std::to_string(i)}].connects = i;
  metrics.accepted = 7;
  metrics.anchors[{"trust", {}}].handshakes = 9;
  return metrics;
}

// So many slices, the last one included.
std::size_t slices_of(const WorkerMetrics& metrics, std::shared_ptr<const WorkerMetrics>& copied) {
  MetricsCopy copy;
  copy.begin(metrics);
  std::size_t slices = 0;
  for (copied = nullptr; !copied; ++slices) {
    CHECK(copy.is_running());
    copied = copy.next_slice();
  }
  CHECK(!copy.is_running());
  return slices;
}

}  // namespace

TEST_CASE("few numbers are copied at once, all of them") {
  std::shared_ptr<const WorkerMetrics> copied;
  CHECK(slices_of(metrics_of(3, 2), copied) == 1);
  CHECK(copied->hosts.size() == 3);
  CHECK(copied->hosts.at("h2").verified_clients == 2);
  CHECK(copied->endpoints.at({"u", "1"}).connects == 1);
  CHECK(copied->accepted == 7);
  CHECK(copied->anchors.begin()->second.handshakes == 9);
  CHECK(slices_of({}, copied) == 1);
}

TEST_CASE("ten thousand hosts are copied some at a time, so that no slice takes long") {
  const WorkerMetrics metrics = metrics_of(10'000, 1'000);
  std::shared_ptr<const WorkerMetrics> copied;
  CHECK(slices_of(metrics, copied) == 11'000 / MetricsCopy::kSlice + 1);
  CHECK(copied->hosts.size() == 10'000);
  CHECK(copied->endpoints.size() == 1'000);
  CHECK(copied->hosts.at("h9999").verified_clients == 9'999);
}

TEST_CASE("hosts that are met while a copy is made don't disturb it, and the next one has them") {
  WorkerMetrics metrics = metrics_of(1'000, 0);
  MetricsCopy copy;
  copy.begin(metrics);
  CHECK(copy.next_slice() == nullptr);
  metrics.hosts["a"].verified_clients = 1;
  metrics.hosts["z"].verified_clients = 1;
  std::shared_ptr<const WorkerMetrics> copied;
  while (!copied) copied = copy.next_slice();
  CHECK(copied->hosts.size() >= 1'000);
  slices_of(metrics, copied);
  CHECK(copied->hosts.size() == 1'002);
}
