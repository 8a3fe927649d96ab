#include <algorithm>

#include "core/reason.h"
#include "gatewayd/metrics_writer.h"

namespace gateway::gatewayd {
namespace {

using proxy::ClientKind;

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

// Why a connection to this host may be ended while it is open, as the config is now.
std::vector<core::Reason> reasons_to_close(const proxy::VirtualHost& host) {
  using core::Reason;
  if (!host.tls) return {};
  std::vector<Reason> reasons = {Reason::no_certificate, Reason::wrong_host};
  if (host.tls->client_auth != tls::ClientAuth::off) {
    for (const auto reason : {Reason::revoked, Reason::expired, Reason::unknown_ca, Reason::crl_expired})
      reasons.push_back(reason);
  }
  return reasons;
}

void add_decisions(MetricsWriter& writer) {
  auto decisions =
      writer.counter("gateway_policy_decisions_total", "Decisions of policies, and the rule that made each.",
                     {"virtual_host", "policy", "rule", "decision"});
  const auto decision = [](bool allow) { return std::string(allow ? "allow" : "deny"); };
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (!host.policy) continue;
    const auto& policies = writer.input().config->policies;
    const auto found = std::ranges::find(policies, host.policy->name(),
                                         [](const auto& spec) -> const std::string& { return spec->name; });
    if (found == policies.end()) continue;
    const auto& spec = *found;
    for (const auto& rule : spec->rules) {
      decisions.add({host.name, spec->name, rule.name, decision(rule.effect == policy::Effect::allow)}, 0);
    }
    decisions.add({host.name, spec->name, "default", decision(spec->default_effect == policy::Effect::allow)}, 0);
  }
  writer.each_host([&](const std::string& name, const proxy::HostMetrics& host) {
    for (const auto& one : host.decisions) {
      decisions.add({name, one.policy, one.rule, decision(one.allow)}, number(one.count));
    }
  });
  writer.add(decisions);
}

void add_requests(MetricsWriter& writer) {
  auto requests = writer.counter("gateway_http_requests_total", "Requests that were answered, by us or by an upstream.",
                                 {"virtual_host", "method", "status"});
  auto durations =
      writer.histogram("gateway_http_request_duration_seconds",
                       "Time from the first byte of a request to the last byte of its response.", {"virtual_host"});
  auto clients =
      writer.counter("gateway_http_requests_by_client_total",
                     "Answered requests of clients with a verified certificate, without one, or without TLS.",
                     {"virtual_host", "client"});
  auto refusals =
      writer.counter("gateway_http_refusals_total", "Requests that the gateway itself refused or failed, and why.",
                     {"virtual_host", "reason"});
  auto closed = writer.counter("gateway_live_connections_closed_total",
                               "Connections that were ended because their client is not admitted any more, and why.",
                               {"virtual_host", "reason"});
  for (const auto& host : writer.snapshot().virtual_hosts) {
    requests.add({host.name, "GET", "200"}, 0);
    durations.add({host.name}, core::Histogram{});
    for (const auto kind : kinds_of(host)) clients.add({host.name, MetricsWriter::label_of(proxy::to_string(kind))}, 0);
    for (const auto reason : reasons_to_close(host)) closed.add({host.name, std::string(core::to_string(reason))}, 0);
  }
  writer.each_host([&](const std::string& name, const proxy::HostMetrics& host) {
    for (const auto& one : host.requests) {
      requests.add({name, std::string(one.method), std::to_string(one.status)}, number(one.count));
    }
    for (const auto kind : {ClientKind::verified, ClientKind::anonymous, ClientKind::none}) {
      const auto count = host.requests_by_client[static_cast<std::size_t>(kind)];
      if (count != 0) clients.add({name, MetricsWriter::label_of(proxy::to_string(kind))}, number(count));
    }
    for (const auto& one : host.refusals)
      refusals.add({name, MetricsWriter::label_of(core::to_string(one.reason))}, number(one.count));
    if (!host.requests.empty()) durations.add({name}, host.request_duration);
    for (const auto& one : host.live_closed)
      closed.add({name, MetricsWriter::label_of(core::to_string(one.reason))}, number(one.count));
  });
  writer.add(requests);
  writer.add(durations);
  writer.add(clients);
  writer.add(refusals);
  writer.add(closed);
}

void add_connections(MetricsWriter& writer) {
  proxy::WorkerMetrics sum;
  for (const auto& worker : writer.input().workers) {
    sum.client_connections += worker->client_connections;
    sum.accepted += worker->accepted;
    sum.refused_at_limit += worker->refused_at_limit;
    sum.tunnels += worker->tunnels;
    sum.client_bytes_received += worker->client_bytes_received;
    sum.client_bytes_sent += worker->client_bytes_sent;
  }
  writer.add_single(writer.gauge("gateway_client_connections", "Connections of clients that are open now."),
                    number(sum.client_connections));
  writer.add_single(
      writer.counter("gateway_client_connections_accepted_total", "Connections of clients that were accepted."),
      number(sum.accepted));
  auto refused = writer.counter("gateway_client_connections_refused_total",
                                "Connections of clients that were closed at once, and why.", {"reason"});
  refused.add({MetricsWriter::label_of(core::to_string(core::Reason::connection_limit))}, number(sum.refused_at_limit));
  writer.add(refused);
  writer.add_single(writer.gauge("gateway_tunnels", "Upgraded connections (WebSocket) that are open now."),
                    number(sum.tunnels));
  writer.add_single(
      writer.counter("gateway_client_received_bytes_total", "Bytes that were read from clients' sockets."),
      number(sum.client_bytes_received));
  writer.add_single(writer.counter("gateway_client_sent_bytes_total", "Bytes that were written to clients' sockets."),
                    number(sum.client_bytes_sent));
  writer.add_single(
      writer.counter("gateway_access_log_dropped_lines_total", "Access log lines that could not be written."),
      number(writer.input().dropped_log_lines));
}

}  // namespace

void add_http_metrics(MetricsWriter& writer) {
  add_decisions(writer);
  add_requests(writer);
  add_connections(writer);
}

}  // namespace gateway::gatewayd
