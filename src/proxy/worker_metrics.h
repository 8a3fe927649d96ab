#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/histogram.h"
#include "core/peer_identity.h"
#include "core/reason.h"
#include "tls/host_options.h"
#include "tls/worker_contexts.h"

namespace gateway::proxy {

// What one worker has counted since it began: plain numbers with one writer. The worker copies them when a scrape asks
// (proxy/metrics_copy.h), so nothing here is shared or atomic. Labels are bounded: virtual hosts, policies, rules and
// endpoints come from the config, methods from a closed list ("OTHER" for the rest), statuses are 100 to 599.

struct HandshakeCount {
  tls::ClientAuth client_auth = tls::ClientAuth::off;
  core::Reason reason = core::Reason::none;  // none: success
  std::optional<tls::ProtocolVersion> version;
  bool resumed = false;
  std::uint64_t count = 0;
};
struct RequestCount {
  std::string_view method;  // to static storage
  unsigned status = 0;
  std::uint64_t count = 0;
};
struct RefusalCount {
  core::Reason reason = core::Reason::none;
  std::uint64_t count = 0;
};
struct DecisionCount {
  std::string policy;
  std::string rule;
  bool allow = false;
  std::uint64_t count = 0;
};

// What a request's client is to us: with a verified certificate, without one, or over a listener without TLS.
enum class ClientKind : std::uint8_t { verified, anonymous, none };
std::string_view to_string(ClientKind kind) noexcept;

// What was decided about requests where OCSP is asked: by OcspEntry::What, once each.
using OcspDecisions = std::array<std::uint64_t, 4>;

struct HostMetrics {
  std::vector<HandshakeCount> handshakes;
  // Apart, as one says nothing about the other: a failed handshake may have waited for its timeout.
  core::Histogram full_handshakes;
  core::Histogram resumed_handshakes;
  core::Histogram failed_handshakes;
  std::uint64_t verified_clients = 0;   // established handshakes with a verified certificate
  std::uint64_t anonymous_clients = 0;  // and without one
  std::vector<RequestCount> requests;
  std::vector<RefusalCount> refusals;  // requests that the gateway itself answered, by reason
  core::Histogram request_duration;
  std::array<std::uint64_t, 3> requests_by_client{};  // by ClientKind
  std::vector<DecisionCount> decisions;
  std::vector<RefusalCount> live_closed;  // connections that were ended because their client is not admitted any more
  OcspDecisions ocsp{};
};

// Established handshakes, full and resumed, with a certificate under one trust anchor.
struct AnchorMetrics {
  std::uint64_t handshakes = 0;
  std::chrono::sys_seconds last{};
};
// Trust set's name, fingerprint of the anchor.
using AnchorKey = std::pair<std::string, core::Sha256>;

enum class UpstreamOutcome : std::uint8_t { success, connect_error, timeout, reset, bad_response, client_closed };
std::string_view to_string(UpstreamOutcome outcome) noexcept;

struct EndpointMetrics {
  std::array<std::uint64_t, 6> requests{};  // by UpstreamOutcome
  core::Histogram response_duration;        // from the sent request to the head of its response
  std::uint64_t connects = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t reuses = 0;
  std::uint64_t retries = 0;
  std::uint64_t idle = 0;  // connections now
  std::uint64_t active = 0;
};

// What belongs to no host and no endpoint.
struct WorkerTotals {
  std::map<AnchorKey, AnchorMetrics> anchors;  // of the newest snapshot's trust sets, those that were met
  std::uint64_t client_connections = 0;        // now
  std::uint64_t accepted = 0;
  std::uint64_t refused_at_limit = 0;
  std::uint64_t tunnels = 0;       // now
  std::uint64_t ocsp_waiting = 0;  // requests that wait for an answer, now
  tls::VerificationCounts verification{};
  std::uint64_t client_bytes_received = 0;
  std::uint64_t client_bytes_sent = 0;
};

struct WorkerMetrics : WorkerTotals {
  // Key: virtual host's name; "" for what failed before a host was known. Only ever grows.
  std::map<std::string, HostMetrics, std::less<>> hosts;
  // Key: upstream's name, endpoint's address. Only ever grows.
  std::map<std::pair<std::string, std::string>, EndpointMetrics> endpoints;
};

}  // namespace gateway::proxy
