#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/unique_fd.h"
#include "proxy/ocsp_message.h"
#include "proxy/snapshot_index.h"
#include "proxy/worker_metrics.h"
#include "tls/known_revocations.h"
#include "tls/staples.h"
#include "tls/worker_contexts.h"

namespace gateway::proxy {

// What the control thread knows of an endpoint. Literal addresses and Unix sockets need no entry: workers know them; an
// entry without addresses means a name that could not be resolved.
struct EndpointState {
  std::vector<sockaddr_storage> addresses;
  bool healthy = true;
};
// Key: endpoint_key(). Immutable once posted.
using EndpointStates = std::unordered_map<std::string, EndpointState>;
inline std::string endpoint_key(std::string_view upstream, std::string_view address) {
  return std::string(upstream) + '\n' + std::string(address);
}

// A bound and listening socket for one worker: its own SO_REUSEPORT socket, or a duplicate of the descriptor that the
// supervisor keeps open. `bind` says for which listener.
struct ListenerSocket {
  std::string bind;
  core::UniqueFd fd;
};

// To a worker. The closed list.
struct AdoptSnapshot {
  std::shared_ptr<const SnapshotIndex> index;
  std::shared_ptr<const tls::WorkerContexts> contexts;
  std::shared_ptr<const EndpointStates> endpoints;
  std::vector<ListenerSocket>
      new_sockets;  // of listeners that the worker does not watch yet; those that left are closed
};
struct UpdateEndpoints {
  std::shared_ptr<const EndpointStates> endpoints;
};
// The drain is near: the worker serves on and takes new clients, but asks each with its next response to go elsewhere,
// and ends connections that stay idle.
struct AnnounceDrain {};
struct BeginDrain {
};  // accepts no more, ends idle connections, lets busy ones finish until the drain timeout; then WorkerDrained
struct Stop {};  // ends everything at once; the thread ends after it
struct CollectMetrics {
  std::uint64_t request = 0;
};
// Answered with Pong as soon as the loop comes to it.
struct Ping {
  std::uint64_t round = 0;
};
// Counts for every later verdict. Answered with RevocationsAdopted once all open connections were judged by it.
struct AdoptRevocations {
  std::uint64_t round = 0;
  std::shared_ptr<const tls::KnownRevocations> revocations;  // never null
};
// What clients who ask get from now on. Never before the first AdoptSnapshot.
struct UpdateStaples {
  std::shared_ptr<const tls::Staples> staples;
};
using WorkerMessage = std::variant<AdoptSnapshot, UpdateEndpoints, AnnounceDrain, BeginDrain, Stop, CollectMetrics,
                                   Ping, AdoptRevocations, OcspAnswered, UpdateStaples>;

// From a worker to the control thread. The closed list.
struct WorkerAdopted {
  unsigned worker = 0;
  std::uint64_t generation = 0;
  std::string error;  // a listener that could not be watched; "" if all went well
};
struct WorkerReport {
  unsigned worker = 0;
  std::uint64_t request = 0;
  std::shared_ptr<const WorkerMetrics> metrics;
};
struct WorkerDrained {
  unsigned worker = 0;
};
struct Pong {
  unsigned worker = 0;
  std::uint64_t round = 0;
};
struct RevocationsAdopted {
  unsigned worker = 0;
  std::uint64_t round = 0;
  std::uint64_t closed = 0;  // connections of revoked clients that were ended, or end after the response under way
};
using ControlMessage = std::variant<WorkerAdopted, WorkerReport, WorkerDrained, Pong, RevocationsAdopted>;

}  // namespace gateway::proxy
