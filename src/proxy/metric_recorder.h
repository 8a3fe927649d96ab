#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "policy/rule_set.h"
#include "proxy/snapshot_index.h"
#include "proxy/worker_metrics.h"
#include "tls/tls_session.h"

namespace gateway::proxy {

struct AnsweredRequest {
  std::string_view method;
  unsigned status = 0;
  core::Reason reason = core::Reason::none;  // why the gateway itself refused or failed it
  ClientKind client = ClientKind::none;
  std::chrono::nanoseconds duration{};
};

// Counts what happens on one worker. Finding the right counter costs the same however many hosts, rules and series
// there are: callers keep the HostMetrics of their virtual host.
class MetricRecorder {
 public:
  [[nodiscard]] WorkerMetrics& metrics() { return metrics_; }
  // Stays valid as long as the recorder. "" is for what failed before a host was known.
  HostMetrics& host(std::string_view name);

  static void count_handshake(HostMetrics& host, tls::ClientAuth mode, const tls::HandshakeReport& report,
                              std::chrono::nanoseconds duration);
  static void count_request(HostMetrics& host, const AnsweredRequest& request);
  static void count_live_closed(HostMetrics& host, core::Reason reason);
  void count_anchor(const tls::TrustSet& trust, const core::Sha256& anchor, std::chrono::sys_seconds now);
  void count_decision(HostMetrics& host, const policy::RuleSet& policy, const policy::Decision& decision);

  // Keeps the counts of anchors that are still trusted: what is reported is bounded by the config.
  void keep_anchors_of(const SnapshotIndex& index);
  // Rule sets that are gone may leave their address to others.
  void forget_policies() { decision_slots_.clear(); }

 private:
  struct DecisionKey {
    const HostMetrics* host;
    const policy::RuleSet* policy;
    std::uint32_t rule;
    bool allow;
    friend bool operator==(const DecisionKey&, const DecisionKey&) = default;
  };
  struct DecisionHash {
    std::size_t operator()(const DecisionKey& key) const noexcept;
  };

  using DecisionName = std::tuple<const HostMetrics*, std::string, std::string, bool>;  // policy, rule, allow

  std::size_t decision_slot(HostMetrics& host, const policy::RuleSet& policy, const policy::Decision& decision);

  std::unordered_map<DecisionKey, std::size_t, DecisionHash> decision_slots_;  // of this generation's rule sets
  std::map<DecisionName, std::size_t> decision_names_;                         // of all that were ever met
  WorkerMetrics metrics_;
};

// A method as a metric label: the word itself if it is a known one, else "OTHER". A view to static storage.
std::string_view method_label(std::string_view method) noexcept;

}  // namespace gateway::proxy
