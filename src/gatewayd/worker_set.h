#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/log_sink.h"
#include "core/result.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "proxy/worker_message.h"
#include "tls/known_revocations.h"
#include "tls/session_cache.h"
#include "tls/ticket_keys.h"
#include "tls/worker_contexts.h"

namespace gateway::gatewayd {

// All workers with the OpenSSL library context of each, and the TLS contexts that each has now. Control thread only.
class WorkerSet {
 public:
  struct Options {
    unsigned count = 1;
    std::function<void(proxy::ControlMessage)> reply;  // called on worker threads
    proxy::OcspDesk::Ask ask_ocsp = {};                // likewise; posts to the status thread
    core::LogSink* access_log = nullptr;               // outlives the set
    std::uint64_t descriptor_cap = 0;
    std::shared_ptr<const tls::KnownRevocations> revocations = tls::KnownRevocations::none();  // to begin with
  };
  // By worker.
  using Contexts = std::vector<std::shared_ptr<const tls::WorkerContexts>>;
  using Sockets = std::vector<std::vector<proxy::ListenerSocket>>;

  // Makes the library contexts; no thread runs yet.
  static core::Result<std::unique_ptr<WorkerSet>> create(Options options);
  void start();

  [[nodiscard]] unsigned size() const { return options_.count; }
  // All workers', for any thread.
  [[nodiscard]] tls::SessionCache& sessions() const { return *sessions_; }

  // Whether the context of this host can be built.
  [[nodiscard]] core::Result<void> can_serve(const tls::HostOptions& host,
                                             const std::shared_ptr<const tls::TicketKeys>& ticket_keys) const;
  // The contexts of `snapshot` for every worker; those of hosts that have not changed are reused. Changes nothing yet.
  [[nodiscard]] core::Result<Contexts> build_contexts(const proxy::Snapshot& snapshot,
                                                      const std::shared_ptr<const tls::TicketKeys>& ticket_keys) const;
  // Sends it to every worker; each answers with WorkerAdopted. `sockets` may be empty: no new ones. Gives back what the
  // workers leave.
  [[nodiscard]] std::vector<std::shared_ptr<const void>> adopt(
      const std::shared_ptr<const proxy::Snapshot>& snapshot, Contexts contexts,
      const std::shared_ptr<const proxy::EndpointStates>& endpoints, Sockets sockets);

  // Each answers with RevocationsAdopted.
  void adopt_revocations(std::uint64_t round, const std::shared_ptr<const tls::KnownRevocations>& revocations);
  void update_endpoints(const std::shared_ptr<const proxy::EndpointStates>& endpoints);
  void update_staples(const std::shared_ptr<const tls::Staples>& staples);
  void announce_drain();
  void begin_drain();
  void ping(std::uint64_t round);
  void collect_metrics(std::uint64_t request);
  // Ends all threads and waits for them.
  void stop();

 private:
  explicit WorkerSet(Options options) : options_(std::move(options)) {}

  Options options_;
  std::shared_ptr<tls::SessionCache> sessions_ = std::make_shared<tls::SessionCache>(core::kSessionCapacity);
  std::vector<std::shared_ptr<tls::WorkerLibrary>> libraries_;
  Contexts contexts_;                                  // null before the first adopt()
  std::shared_ptr<const proxy::SnapshotIndex> index_;  // likewise
  std::atomic<std::uint64_t> connections_{0};
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
};

}  // namespace gateway::gatewayd
