#include "proxy/metric_recorder.h"

#include <algorithm>
#include <array>
#include <functional>

namespace gateway::proxy {
namespace {

void count_reason(std::vector<RefusalCount>& counts, core::Reason reason) {
  auto found = std::ranges::find(counts, reason, &RefusalCount::reason);
  if (found == counts.end()) {
    counts.push_back({reason, 0});
    found = std::prev(counts.end());
  }
  ++found->count;
}

}  // namespace

std::string_view to_string(UpstreamOutcome outcome) noexcept {
  constexpr std::array<std::string_view, 6> kWords = {"success", "connect_error", "timeout",
                                                      "reset",   "bad_response",  "client_closed"};
  return kWords[static_cast<std::size_t>(outcome)];
}

std::string_view to_string(ClientKind kind) noexcept {
  constexpr std::array<std::string_view, 3> kWords = {"verified", "anonymous", "none"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string_view method_label(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 7> kKnown = {"GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"};
  const auto* const found = std::ranges::find(kKnown, method);
  return found == kKnown.end() ? "OTHER" : *found;
}

HostMetrics& MetricRecorder::host(std::string_view name) {
  if (const auto found = metrics_.hosts.find(name); found != metrics_.hosts.end()) return found->second;
  return metrics_.hosts.emplace(std::string(name), HostMetrics{}).first->second;
}

void MetricRecorder::count_handshake(HostMetrics& host, tls::ClientAuth mode, const tls::HandshakeReport& report,
                                     std::chrono::nanoseconds duration) {
  if (report.reason != core::Reason::none) {
    host.failed_handshakes.observe(duration);
  } else {
    (report.resumed ? host.resumed_handshakes : host.full_handshakes).observe(duration);
  }
  const auto same = [&](const HandshakeCount& count) {
    return count.client_auth == mode && count.reason == report.reason && count.version == report.version &&
           count.resumed == report.resumed;
  };
  auto found = std::ranges::find_if(host.handshakes, same);
  if (found == host.handshakes.end()) {
    host.handshakes.push_back({mode, report.reason, report.version, report.resumed, 0});
    found = std::prev(host.handshakes.end());
  }
  ++found->count;
}

void MetricRecorder::count_request(HostMetrics& host, const AnsweredRequest& request) {
  host.request_duration.observe(request.duration);
  ++host.requests_by_client[static_cast<std::size_t>(request.client)];
  const std::string_view label = method_label(request.method);
  auto found = std::ranges::find_if(host.requests, [&](const RequestCount& count) {
    return count.status == request.status && count.method.data() == label.data();
  });
  if (found == host.requests.end()) {
    host.requests.push_back({label, request.status, 0});
    found = std::prev(host.requests.end());
  }
  ++found->count;
  if (request.reason != core::Reason::none) count_reason(host.refusals, request.reason);
}

void MetricRecorder::count_live_closed(HostMetrics& host, core::Reason reason) {
  count_reason(host.live_closed, reason);
}

void MetricRecorder::count_anchor(const tls::TrustSet& trust, const core::Sha256& anchor,
                                  std::chrono::sys_seconds now) {
  AnchorMetrics& metrics = metrics_.anchors[{trust.name, anchor}];
  ++metrics.handshakes;
  metrics.last = now;
}

void MetricRecorder::keep_anchors_of(const SnapshotIndex& index) {
  std::erase_if(metrics_.anchors,
                [&](const auto& counted) { return !index.is_trusted(counted.first.first, counted.first.second); });
}

std::size_t MetricRecorder::DecisionHash::operator()(const DecisionKey& key) const noexcept {
  const std::size_t host = std::hash<const void*>{}(key.host);
  const std::size_t policy = std::hash<const void*>{}(key.policy);
  return (host * 31 + policy) * 31 + std::size_t{key.rule} * 2 + (key.allow ? 1 : 0);
}

void MetricRecorder::count_decision(HostMetrics& host, const policy::RuleSet& policy,
                                    const policy::Decision& decision) {
  const DecisionKey key{&host, &policy, decision.rule, decision.allow};
  auto slot = decision_slots_.find(key);
  if (slot == decision_slots_.end()) slot = decision_slots_.emplace(key, decision_slot(host, policy, decision)).first;
  ++host.decisions[slot->second].count;
}

// The count of a rule goes on under its name when a new generation brings it again.
std::size_t MetricRecorder::decision_slot(HostMetrics& host, const policy::RuleSet& policy,
                                          const policy::Decision& decision) {
  const std::string rule(policy.rule_name(decision.rule));
  const auto [found, is_new] =
      decision_names_.try_emplace({&host, policy.name(), rule, decision.allow}, host.decisions.size());
  if (is_new) host.decisions.push_back({policy.name(), rule, decision.allow, 0});
  return found->second;
}

}  // namespace gateway::proxy
