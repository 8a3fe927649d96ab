#include "gatewayd/metrics_text.h"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include "core/reason.h"
#include "gatewayd/metric_family.h"
#include "tls/crl_index.h"

namespace gateway::gatewayd {
namespace {

using Families = std::vector<prometheus::MetricFamily>;
using prometheus::MetricType;
using proxy::ClientKind;

constexpr std::string_view kNone = "none";

std::string text(std::string_view value) {
  return std::string(value.empty() ? kNone : value);
}
std::string word(bool value) {
  return value ? "true" : "false";
}
double number(std::uint64_t value) {
  return static_cast<double>(value);
}

double seconds(auto time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// Whose requests a virtual host may get at all.
std::vector<ClientKind> kinds_of(const proxy::VirtualHost& host) {
  if (!host.tls) return {ClientKind::none};
  switch (host.tls->client_auth) {
    case tls::ClientAuth::off:
      return {ClientKind::anonymous};
    case tls::ClientAuth::strict:
      return {ClientKind::verified};
    case tls::ClientAuth::optional:
      break;
  }
  return {ClientKind::verified, ClientKind::anonymous};
}

// Sums the shards of all workers, and names what has not happened yet with zero, so that rate() sees the first event.
class GatewayCollectable final : public prometheus::Collectable {
 public:
  GatewayCollectable(const MetricsInput& input, SeriesLimit& limit) : input_(input), limit_(limit) {}

  [[nodiscard]] Families Collect() const override {
    Families families;
    add_handshakes(families);
    add_decisions(families);
    add_requests(families);
    add_upstreams(families);
    add_endpoint_health(families);
    add_connections(families);
    add_config(families);
    add_crls(families);
    add_process(families);
    std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
    return families;
  }

 private:
  Family counter(std::string name, std::string help, std::vector<std::string> labels = {}) const {
    return {limit_, MetricType::Counter, std::move(name), std::move(help), std::move(labels)};
  }
  Family gauge(std::string name, std::string help, std::vector<std::string> labels = {}) const {
    return {limit_, MetricType::Gauge, std::move(name), std::move(help), std::move(labels)};
  }
  Family histogram(std::string name, std::string help, std::vector<std::string> labels) const {
    return {limit_, MetricType::Histogram, std::move(name), std::move(help), std::move(labels)};
  }
  void add_single(Families& families, Family family, double value) const {
    family.add({}, value);
    families.push_back(family.take());
  }

  [[nodiscard]] const proxy::Snapshot& snapshot() const { return *input_.config->snapshot; }

  // Calls visit(virtual host's name, its numbers) for each worker's shard.
  template <typename Visit>
  void each_host(Visit visit) const {
    for (const auto& worker : input_.workers) {
      for (const auto& [name, host] : worker->hosts) visit(text(name), host);
    }
  }

  void add_handshakes(Families& families) const {
    auto handshakes = counter("gateway_tls_handshakes_total", "TLS handshakes, and why the failed ones failed.",
                              {"virtual_host", "client_auth", "outcome", "reason", "tls_version", "resumed"});
    auto durations =
        histogram("gateway_tls_handshake_duration_seconds",
                  "Time from the accepted connection to the end of its TLS handshake; full, resumed and failed ones.",
                  {"virtual_host", "outcome", "resumed"});
    auto clients = counter("gateway_tls_client_certificates_total",
                           "Established TLS connections with a verified client certificate, or without one.",
                           {"virtual_host", "result"});
    for (const auto& host : snapshot().virtual_hosts) {
      if (!host.tls) continue;
      for (const auto version : {tls::ProtocolVersion::tls12, tls::ProtocolVersion::tls13}) {
        if (version < host.tls->min_version || version > host.tls->max_version) continue;
        for (const bool resumed : {false, true}) {
          handshakes.add({host.name, text(tls::to_string(host.tls->client_auth)), "success", text(kNone),
                          text(tls::to_string(version)), word(resumed)},
                         0);
        }
      }
      durations.add({host.name, "success", word(false)}, core::Histogram{});
      durations.add({host.name, "success", word(true)}, core::Histogram{});
      clients.add({host.name, "verified"}, 0);
      clients.add({host.name, "anonymous"}, 0);
    }
    durations.add({text(kNone), "failure", word(false)}, core::Histogram{});
    each_host([&](const std::string& name, const proxy::HostMetrics& host) {
      for (const auto& one : host.handshakes) {
        const bool success = one.reason == core::Reason::none;
        // Before a virtual host was chosen there is no mode either.
        const auto mode = name == kNone ? kNone : tls::to_string(one.client_auth);
        handshakes.add({name, text(mode), success ? "success" : "failure", text(core::to_string(one.reason)),
                        one.version ? text(tls::to_string(*one.version)) : text(kNone), word(one.resumed)},
                       number(one.count));
      }
      if (host.handshakes.empty()) return;  // a host without TLS
      if (!host.failed_handshakes.empty()) durations.add({name, "failure", word(false)}, host.failed_handshakes);
      if (name == kNone) return;
      durations.add({name, "success", word(false)}, host.full_handshakes);
      durations.add({name, "success", word(true)}, host.resumed_handshakes);
      clients.add({name, "verified"}, number(host.verified_clients));
      clients.add({name, "anonymous"}, number(host.anonymous_clients));
    });
    families.push_back(handshakes.take());
    families.push_back(durations.take());
    families.push_back(clients.take());
  }

  void add_decisions(Families& families) const {
    auto decisions = counter("gateway_policy_decisions_total", "Decisions of policies, and the rule that made each.",
                             {"virtual_host", "policy", "rule", "decision"});
    const auto decision = [](bool allow) { return std::string(allow ? "allow" : "deny"); };
    for (const auto& host : snapshot().virtual_hosts) {
      if (!host.policy) continue;
      const auto spec = std::ranges::find(input_.config->policies, host.policy->name(), &policy::PolicySpec::name);
      if (spec == input_.config->policies.end()) continue;
      for (const auto& rule : spec->rules) {
        decisions.add({host.name, spec->name, rule.name, decision(rule.effect == policy::Effect::allow)}, 0);
      }
      decisions.add({host.name, spec->name, "default", decision(spec->default_effect == policy::Effect::allow)}, 0);
    }
    each_host([&](const std::string& name, const proxy::HostMetrics& host) {
      for (const auto& one : host.decisions) {
        decisions.add({name, one.policy, one.rule, decision(one.allow)}, number(one.count));
      }
    });
    families.push_back(decisions.take());
  }

  void add_requests(Families& families) const {
    auto requests = counter("gateway_http_requests_total", "Requests that were answered, by us or by an upstream.",
                            {"virtual_host", "method", "status"});
    auto durations =
        histogram("gateway_http_request_duration_seconds",
                  "Time from the first byte of a request to the last byte of its response.", {"virtual_host"});
    auto clients = counter("gateway_http_requests_by_client_total",
                           "Answered requests of clients with a verified certificate, without one, or without TLS.",
                           {"virtual_host", "client"});
    auto refusals = counter("gateway_http_refusals_total",
                            "Requests that the gateway itself refused or failed, and why.", {"virtual_host", "reason"});
    auto closed =
        counter("gateway_live_connections_closed_total",
                "Connections that were ended because their client is not admitted any more.", {"virtual_host"});
    for (const auto& host : snapshot().virtual_hosts) {
      requests.add({host.name, "GET", "200"}, 0);
      durations.add({host.name}, core::Histogram{});
      for (const auto kind : kinds_of(host)) clients.add({host.name, text(proxy::to_string(kind))}, 0);
      if (host.tls) closed.add({host.name}, 0);
    }
    each_host([&](const std::string& name, const proxy::HostMetrics& host) {
      for (const auto& one : host.requests) {
        requests.add({name, std::string(one.method), std::to_string(one.status)}, number(one.count));
      }
      for (const auto kind : {ClientKind::verified, ClientKind::anonymous, ClientKind::none}) {
        const auto count = host.requests_by_client[static_cast<std::size_t>(kind)];
        if (count != 0) clients.add({name, text(proxy::to_string(kind))}, number(count));
      }
      for (const auto& one : host.refusals) refusals.add({name, text(core::to_string(one.reason))}, number(one.count));
      if (!host.requests.empty()) durations.add({name}, host.request_duration);
      if (host.live_closed != 0) closed.add({name}, number(host.live_closed));
    });
    families.push_back(requests.take());
    families.push_back(durations.take());
    families.push_back(clients.take());
    families.push_back(refusals.take());
    families.push_back(closed.take());
  }

  void add_upstreams(Families& families) const {
    const std::vector<std::string> labels = {"upstream", "endpoint"};
    auto requests =
        counter("gateway_upstream_requests_total", "Requests that were sent to an upstream, and what became of them.",
                {"upstream", "endpoint", "outcome"});
    auto durations =
        histogram("gateway_upstream_response_duration_seconds",
                  "Time from a request that was sent to an upstream to the head of its response.", {"upstream"});
    auto connections = gauge("gateway_upstream_connections", "Connections to an upstream that are open now.",
                             {"upstream", "endpoint", "state"});
    auto connects = counter("gateway_upstream_connects_total", "Connections to an upstream that were begun.", labels);
    auto failures = counter("gateway_upstream_connect_failures_total",
                            "Connections to an upstream that could not be established.", labels);
    auto reuses = counter("gateway_upstream_reuses_total", "Requests that were sent over a pooled connection.", labels);
    auto retries =
        counter("gateway_upstream_retries_total", "Requests that were sent once more after a failure.", labels);
    const auto add = [&](const std::string& upstream, const std::string& endpoint,
                         const proxy::EndpointMetrics& metrics) {
      for (std::size_t i = 0; i < metrics.requests.size(); ++i) {
        const auto outcome = proxy::to_string(static_cast<proxy::UpstreamOutcome>(i));
        requests.add({upstream, endpoint, text(outcome)}, number(metrics.requests[i]));
      }
      durations.add({upstream}, metrics.response_duration);
      connections.add({upstream, endpoint, "idle"}, number(metrics.idle));
      connections.add({upstream, endpoint, "active"}, number(metrics.active));
      connects.add({upstream, endpoint}, number(metrics.connects));
      failures.add({upstream, endpoint}, number(metrics.connect_failures));
      reuses.add({upstream, endpoint}, number(metrics.reuses));
      retries.add({upstream, endpoint}, number(metrics.retries));
    };
    for (const auto& upstream : snapshot().upstreams) {
      for (const auto& endpoint : upstream.endpoints) add(upstream.name, endpoint.address, {});
    }
    for (const auto& worker : input_.workers) {
      for (const auto& [key, metrics] : worker->endpoints) add(key.first, key.second, metrics);
    }
    for (auto* family : {&requests, &durations, &connections, &connects, &failures, &reuses, &retries})
      families.push_back(family->take());
  }

  void add_endpoint_health(Families& families) const {
    auto healthy =
        gauge("gateway_upstream_endpoint_healthy",
              "1 unless the endpoint's health check or the lookup of its name fails.", {"upstream", "endpoint"});
    for (const auto& upstream : snapshot().upstreams) {
      for (const auto& endpoint : upstream.endpoints) {
        const auto state = input_.endpoints->find(proxy::endpoint_key(upstream.name, endpoint.address));
        const bool known = state != input_.endpoints->end();
        const bool resolved = !endpoint.needs_resolving || (known && !state->second.addresses.empty());
        healthy.add({upstream.name, endpoint.address}, resolved && (!known || state->second.healthy) ? 1 : 0);
      }
    }
    families.push_back(healthy.take());
  }

  void add_connections(Families& families) const {
    proxy::WorkerMetrics sum;
    for (const auto& worker : input_.workers) {
      sum.client_connections += worker->client_connections;
      sum.accepted += worker->accepted;
      sum.refused_at_limit += worker->refused_at_limit;
      sum.tunnels += worker->tunnels;
      sum.client_bytes_received += worker->client_bytes_received;
      sum.client_bytes_sent += worker->client_bytes_sent;
    }
    add_single(families, gauge("gateway_client_connections", "Connections of clients that are open now."),
               number(sum.client_connections));
    add_single(families,
               counter("gateway_client_connections_accepted_total", "Connections of clients that were accepted."),
               number(sum.accepted));
    auto refused = counter("gateway_client_connections_refused_total",
                           "Connections of clients that were closed at once, and why.", {"reason"});
    refused.add({text(core::to_string(core::Reason::connection_limit))}, number(sum.refused_at_limit));
    families.push_back(refused.take());
    add_single(families, gauge("gateway_tunnels", "Upgraded connections (WebSocket) that are open now."),
               number(sum.tunnels));
    add_single(families, counter("gateway_client_received_bytes_total", "Bytes that were read from clients' sockets."),
               number(sum.client_bytes_received));
    add_single(families, counter("gateway_client_sent_bytes_total", "Bytes that were written to clients' sockets."),
               number(sum.client_bytes_sent));
    add_single(families,
               counter("gateway_access_log_dropped_lines_total", "Access log lines that could not be written."),
               number(input_.dropped_log_lines));
  }

  void add_config(Families& families) const {
    add_single(families,
               gauge("gateway_config_generation", "Number of the configuration that is served; a reload adds one."),
               number(snapshot().generation));
    add_single(families,
               gauge("gateway_config_last_reload_success", "1 if the last load of the configuration was taken."),
               input_.last_reload_success ? 1 : 0);
    add_single(families,
               gauge("gateway_config_last_reload_timestamp_seconds", "When the configuration was last loaded."),
               seconds(input_.last_reload_time));
    add_reloads(families);
    add_single(families, gauge("gateway_draining", "1 while the daemon asks to get no more requests."),
               input_.draining ? 1 : 0);
    auto ends = gauge("gateway_certificate_not_after_timestamp_seconds",
                      "When a certificate that is served or trusted expires; of several of one name the first.",
                      {"virtual_host", "kind", "subject"});
    // Two CAs may share a subject (a renewed one): an alert wants the one that ends first.
    std::map<Family::Values, double> earliest;
    for (const auto& one : input_.config->certificates) {
      const auto [found, is_new] =
          earliest.try_emplace({text(one.virtual_host), one.kind, one.subject}, seconds(one.not_after));
      if (!is_new) found->second = std::min(found->second, seconds(one.not_after));
    }
    for (const auto& [values, end] : earliest) ends.add(values, end);
    families.push_back(ends.take());
    auto build = gauge("gateway_build_info", "Always 1: the versions of the gateway and of its OpenSSL.",
                       {"version", "openssl"});
    build.add({input_.version, input_.openssl}, 1);
    families.push_back(build.take());
    add_single(families, gauge("gateway_workers", "Threads that serve clients."), number(input_.workers.size()));
    add_single(families, gauge("gateway_workers_answering", "Of these, those that have answered this scrape in time."),
               number(input_.workers_answering));
  }

  void add_reloads(Families& families) const {
    auto reloads = counter("gateway_config_reloads_total",
                           "Loads of the configuration, what asked for each, and how it ended.", {"trigger", "result"});
    const auto name = [](ReloadResult result) { return text(to_string(result)); };
    // A start that does not end well is not scraped.
    reloads.add({"start", name(ReloadResult::reloaded)}, 0);
    for (const char* trigger : {"admin", "signal", "watch"}) {
      for (const auto result : {ReloadResult::reloaded, ReloadResult::refused, ReloadResult::timeout}) {
        reloads.add({trigger, name(result)}, 0);
      }
    }
    for (const auto& [key, count] : input_.reloads) reloads.add({key.first, name(key.second)}, number(count));
    families.push_back(reloads.take());
  }

  void add_crls(Families& families) const {
    auto updates = gauge("gateway_crl_next_update_timestamp_seconds",
                         "When a CRL that is in force is due to be replaced; of several of one issuer the first.",
                         {"trust", "issuer"});
    std::map<Family::Values, double> earliest;
    for (const auto& host : snapshot().virtual_hosts) {
      if (!host.tls || !host.tls->trust) continue;
      for (const auto& crl : host.tls->trust->crls->describe()) {
        if (crl.superseded || crl.next_update == std::chrono::sys_seconds::max()) continue;
        const double end = seconds(crl.next_update);
        const auto [found, is_new] = earliest.try_emplace({host.tls->trust->name, crl.issuer}, end);
        if (!is_new) found->second = std::min(found->second, end);
      }
    }
    for (const auto& [values, end] : earliest) updates.add(values, end);
    families.push_back(updates.take());
  }

  void add_process(Families& families) const {
    const auto& process = input_.process;
    const auto add = [&](Family family, const auto& value) {
      if (value) add_single(families, std::move(family), static_cast<double>(*value));
    };
    add(counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."), process.cpu_seconds);
    add(gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
        process.start_time_seconds);
    add(gauge("process_resident_memory_bytes", "Resident memory size in bytes."), process.resident_bytes);
    add(gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."), process.virtual_bytes);
    add(gauge("process_open_fds", "Number of open file descriptors."), process.open_descriptors);
    add(gauge("process_max_fds", "Maximum number of open file descriptors."), process.max_descriptors);
  }

  const MetricsInput& input_;
  SeriesLimit& limit_;
};

}  // namespace

std::string metrics_text(const MetricsInput& input, SeriesLimit& limit) {
  const GatewayCollectable collectable(input, limit);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, collectable.Collect());
  return out.str();
}

}  // namespace gateway::gatewayd
