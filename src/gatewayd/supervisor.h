#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "config/load.h"
#include "core/event_loop.h"
#include "core/log_sink.h"
#include "core/mailbox.h"
#include "core/result.h"
#include "gatewayd/control_http.h"
#include "gatewayd/control_routes.h"
#include "gatewayd/control_sockets.h"
#include "gatewayd/emergency_revocations.h"
#include "gatewayd/endpoint_monitor.h"
#include "gatewayd/file_rotation.h"
#include "gatewayd/inherited_sockets.h"
#include "gatewayd/lifecycle_reporter.h"
#include "gatewayd/listener_sockets.h"
#include "gatewayd/metrics_collector.h"
#include "gatewayd/metrics_endpoint.h"
#include "gatewayd/reloader.h"
#include "gatewayd/service_notifier.h"
#include "gatewayd/signals.h"
#include "gatewayd/status_thread.h"
#include "gatewayd/timer.h"
#include "gatewayd/watchdog.h"
#include "gatewayd/worker_set.h"
#include "proxy/worker_message.h"

namespace gateway::gatewayd {

// What a service manager hands to the daemon.
struct ServiceEnvironment {
  ServiceNotifier notifier;
  std::optional<core::Milliseconds> watchdog;  // how long it waits for a keep-alive
  std::vector<InheritedSocket> sockets;
};

// The composition root of the control thread: owns the workers, the listening sockets, the access log, the admin socket
// and the metrics port, and decides when all of it and the status thread start and end.
class Supervisor {
 public:
  // What can be refused before anything runs.
  struct Resources {
    std::unique_ptr<core::LogSink> access_log;
    std::unique_ptr<WorkerSet> workers;
    std::filesystem::path state_directory;
    std::vector<RevocationEntry> revocations;  // that were found in it; the workers have them
    std::optional<AdminSocket> admin;          // nullopt: `admin.socket: off`
    ServiceEnvironment* service = nullptr;     // outlives the supervisor
    StatusThread* status = nullptr;            // likewise; not started yet
    core::Milliseconds ticket_key_lifetime = core::kTicketKeyLifetime;
  };
  // Replies of workers come through this; made first, dies last.
  using Replies = core::Mailbox<proxy::ControlMessage>;
  // And those of the status thread.
  using StatusReports = core::Mailbox<StatusReport>;

  Supervisor(core::EventLoop& loop, Resources resources, Reloader::Load load);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Serves `first` until a signal ends it; the exit code.
  int run(config::LoadResult first);
  void on_reply(proxy::ControlMessage message);
  void on_status(StatusReport report);
  // Look-ups that still run when all is over: libuv can't be ended before they are.
  [[nodiscard]] std::size_t running_lookups() const { return endpoints_.running_lookups(); }

 private:
  // How long after the drain timeout a worker may take to say that it is done.
  static constexpr core::Milliseconds kDrainGrace{2'000};

  void on_started(const ReloadOutcome& outcome);
  void on_signal(int number);
  void reload_by_signal();
  // What the status thread has to fetch for the generation that is served.
  void fetch_crls();
  void fetch_staples();
  void reopen_log();
  void tell_expiries();
  // Not ready any more, but serving: whoever balances load notices and sends new clients elsewhere.
  void announce_drain();
  void begin_drain();
  void end(const char* why);

  core::EventLoop& loop_;
  std::unique_ptr<core::LogSink> access_log_;
  StatusThread& status_;
  std::unique_ptr<WorkerSet> workers_;
  EmergencyRevocations revocations_;
  std::optional<AdminSocket> admin_socket_;
  LifecycleReporter lifecycle_;
  ListenerSockets listeners_;
  EndpointMonitor endpoints_;
  MetricsCollector collector_;
  MetricsEndpoint metrics_;
  FileRotation rotation_;
  Reloader reloader_;
  ControlRoutes routes_;
  ControlHttpServer admin_server_;
  Signals signals_;
  Timer ticket_rotation_;
  Timer expiries_;
  Timer drain_;
  Watchdog watchdog_;
  std::optional<core::Milliseconds> watchdog_limit_;
  core::Milliseconds ticket_key_lifetime_;

  std::vector<config::CrlSource> crl_sources_;  // that the status thread fetches
  std::shared_ptr<const CrlSourceStates> crl_states_ = std::make_shared<const CrlSourceStates>();
  std::vector<config::StapleSource> staple_sources_;
  std::shared_ptr<const StapleStates> staple_states_ = std::make_shared<const StapleStates>();
  std::chrono::sys_seconds expiries_told_{};  // what was due by then
  OcspReport ocsp_report_;
  int exit_code_ = 0;
  bool draining_ = false;  // announced, or under way
  bool stopping_ = false;
  bool workers_run_ = false;
  unsigned signal_reloads_ = 0;   // that wait or run
  std::set<unsigned> undrained_;  // workers
};

// Tells the log and the service manager why; the exit code.
int cannot_start(ServiceEnvironment& service, const core::Error& error);

// The daemon: everything from the checked config to the exit code. Messages go to stderr.
int run_daemon(const std::string& config_path, config::LoadResult first, config::LoadMemory& memory,
               ServiceEnvironment& service);

}  // namespace gateway::gatewayd
