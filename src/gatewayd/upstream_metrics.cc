#include "gatewayd/metrics_writer.h"

namespace gateway::gatewayd {
namespace {

void add_upstreams(MetricsWriter& writer) {
  const std::vector<std::string> labels = {"upstream", "endpoint"};
  auto requests = writer.counter("gateway_upstream_requests_total",
                                 "Requests that were sent to an upstream, and what became of them.",
                                 {"upstream", "endpoint", "outcome"});
  auto durations =
      writer.histogram("gateway_upstream_response_duration_seconds",
                       "Time from a request that was sent to an upstream to the head of its response.", {"upstream"});
  auto connections = writer.gauge("gateway_upstream_connections", "Connections to an upstream that are open now.",
                                  {"upstream", "endpoint", "state"});
  auto connects =
      writer.counter("gateway_upstream_connects_total", "Connections to an upstream that were begun.", labels);
  auto failures = writer.counter("gateway_upstream_connect_failures_total",
                                 "Connections to an upstream that could not be established.", labels);
  auto reuses =
      writer.counter("gateway_upstream_reuses_total", "Requests that were sent over a pooled connection.", labels);
  auto retries =
      writer.counter("gateway_upstream_retries_total", "Requests that were sent once more after a failure.", labels);
  const auto add = [&](const std::string& upstream, const std::string& endpoint,
                       const proxy::EndpointMetrics& metrics) {
    for (std::size_t i = 0; i < metrics.requests.size(); ++i) {
      const auto outcome = proxy::to_string(static_cast<proxy::UpstreamOutcome>(i));
      requests.add({upstream, endpoint, MetricsWriter::label_of(outcome)}, number(metrics.requests[i]));
    }
    durations.add({upstream}, metrics.response_duration);
    connections.add({upstream, endpoint, "idle"}, number(metrics.idle));
    connections.add({upstream, endpoint, "active"}, number(metrics.active));
    connects.add({upstream, endpoint}, number(metrics.connects));
    failures.add({upstream, endpoint}, number(metrics.connect_failures));
    reuses.add({upstream, endpoint}, number(metrics.reuses));
    retries.add({upstream, endpoint}, number(metrics.retries));
  };
  for (const auto& upstream : writer.snapshot().upstreams) {
    for (const auto& endpoint : upstream.endpoints) add(upstream.name, endpoint.address, {});
  }
  for (const auto& worker : writer.input().workers) {
    for (const auto& [key, metrics] : worker->endpoints) add(key.first, key.second, metrics);
  }
  for (auto* family : {&requests, &durations, &connections, &connects, &failures, &reuses, &retries})
    writer.add(*family);
}

void add_endpoint_health(MetricsWriter& writer) {
  auto healthy =
      writer.gauge("gateway_upstream_endpoint_healthy",
                   "1 unless the endpoint's health check or the lookup of its name fails.", {"upstream", "endpoint"});
  for (const auto& upstream : writer.snapshot().upstreams) {
    for (const auto& endpoint : upstream.endpoints) {
      const auto state = writer.input().endpoints->find(proxy::endpoint_key(upstream.name, endpoint.address));
      const bool known = state != writer.input().endpoints->end();
      const bool resolved = !endpoint.needs_resolving || (known && !state->second.addresses.empty());
      healthy.add({upstream.name, endpoint.address}, resolved && (!known || state->second.healthy) ? 1 : 0);
    }
  }
  writer.add(healthy);
}

}  // namespace

void add_upstream_metrics(MetricsWriter& writer) {
  add_upstreams(writer);
  add_endpoint_health(writer);
}

}  // namespace gateway::gatewayd
