#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/load.h"
#include "core/event_loop.h"
#include "core/log_sink.h"
#include "gatewayd/endpoint_monitor.h"
#include "gatewayd/listener_sockets.h"
#include "gatewayd/load_trace.h"
#include "gatewayd/metrics_endpoint.h"
#include "gatewayd/reload_observer.h"
#include "gatewayd/reload_outcome.h"
#include "gatewayd/retired_generations.h"
#include "gatewayd/timer.h"
#include "gatewayd/worker_set.h"
#include "proxy/worker_message.h"
#include "tls/ticket_keys.h"

namespace gateway::gatewayd {

// Brings generations of the config into service: prepares everything that can fail, and only then commits. One at a
// time, in the order of the requests. Control thread only.
class Reloader {
 public:
  // All workers have so long to confirm what they were given.
  static constexpr core::Milliseconds kAdoptionTime{10'000};

  // Everything that a generation touches; all of it outlives the reloader.
  struct Parts {
    core::EventLoop& loop;
    WorkerSet& workers;
    ListenerSockets& listeners;
    EndpointMonitor& endpoints;
    core::LogSink& access_log;
    MetricsEndpoint& metrics;
    ReloadObserver& observer;
  };
  using Load = std::function<config::LoadResult(std::uint64_t generation)>;
  using Done = std::move_only_function<void(const ReloadOutcome&)>;
  using AfterLoad = std::function<void(LoadTrace)>;

  // `load` reads the config file again. `after_load` is called at the end of each load and each rotation of files,
  // whatever became of it, behind `done`.
  Reloader(Parts parts, Load load, AfterLoad after_load, core::Milliseconds adoption_time = kAdoptionTime);

  // The first generation; `done` is called later. On refused nothing was started and nothing ever will be.
  void start(config::LoadResult first, Done done);
  // `done` may be empty.
  void reload(std::string trigger, Done done);
  // New ticket keys for the contexts of all workers, unless the config brings its own. The generation stays.
  void rotate_ticket_keys();
  // Reads the files of the generation that is served again, not its config: config::rotate(). The generation stays.
  void rotate_files();
  // Requests that wait, and new ones, are refused.
  void close();

  void on_adopted(const proxy::WorkerAdopted& message);

  // Null before start() has prepared everything.
  [[nodiscard]] const config::LoadedConfig* current() const { return current_ ? &*current_ : nullptr; }
  [[nodiscard]] const ReloadOutcome& last() const { return last_; }
  [[nodiscard]] const ReloadCounts& counts() const { return counts_; }
  // A load has read its files, and `after_load` is still to come.
  [[nodiscard]] bool is_loading() const { return trace_.has_value(); }
  // Every worker serves some generation.
  [[nodiscard]] bool is_serving() const { return serving_; }

 private:
  enum class Kind : std::uint8_t { load, ticket_keys, files };
  struct Request {
    std::string trigger;
    std::optional<config::LoadResult> loaded;  // of the first generation
    Kind kind = Kind::load;
    Done done;
  };
  // What was prepared for the generation that is on its way; dropped on failure.
  struct Prepared {
    config::LoadedConfig config;
    WorkerSet::Contexts contexts;
    ListenerSockets::Plan listeners;
    MetricsEndpoint::Prepared metrics;
  };

  void next();
  void begin(Request request);
  void run_load(config::LoadResult loaded);
  [[nodiscard]] const std::shared_ptr<const tls::TicketKeys>& keys_for(const config::LoadedConfig& config) const;
  bool prepare(config::LoadedConfig config);
  void commit();
  void rotate_keys();
  void run_file_rotation();
  void report_rotation(bool done);
  void adopt(WorkerSet::Contexts contexts, WorkerSet::Sockets sockets);
  void finish(ReloadResult result);
  void report();
  void add_error(std::string value, std::string message);

  Parts parts_;
  Load load_;
  AfterLoad after_load_;
  core::Milliseconds adoption_time_;
  std::shared_ptr<const tls::TicketKeys> ticket_keys_;  // random, for configs without key files
  std::string path_;                                    // of the config, for messages
  std::optional<config::LoadedConfig> current_;
  RetiredGenerations retired_;
  std::deque<Request> queue_;
  bool closed_ = false;
  bool serving_ = false;

  // Of the one that is on its way.
  bool busy_ = false;
  Request request_;
  ReloadOutcome outcome_;
  std::optional<Prepared> prepared_;
  std::optional<LoadTrace> trace_;  // nullopt: it reads no file
  std::set<unsigned> missing_;      // workers that have not adopted yet
  Timer adoption_;

  ReloadOutcome last_;
  ReloadCounts counts_;
};

}  // namespace gateway::gatewayd
