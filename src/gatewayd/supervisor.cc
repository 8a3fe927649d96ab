#include "gatewayd/supervisor.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "core/log.h"
#include "gatewayd/expiry_notices.h"
#include "gatewayd/process_stats.h"
#include "tls/worker_contexts.h"
#include "version/build_info.h"

namespace gateway::gatewayd {
namespace {

using core::LogLevel;

// A worker that hangs must not keep the process alive once it was told to end.
constexpr unsigned kStopSeconds = 10;
constexpr core::Milliseconds kExpiryPeriod{60'000};

std::chrono::sys_seconds now_in_seconds() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

core::Milliseconds drain_time(const proxy::Snapshot& snapshot) {
  auto longest = snapshot.timeouts.drain;
  for (const auto& host : snapshot.virtual_hosts) longest = std::max(longest, host.timeouts.drain);
  return longest;
}

}  // namespace

Supervisor::Supervisor(core::EventLoop& loop, Resources resources, Reloader::Load load)
    : loop_(loop),
      access_log_(std::move(resources.access_log)),
      status_(*resources.status),
      workers_(std::move(resources.workers)),
      revocations_(loop, StateDirectory(resources.state_directory), std::move(resources.revocations), workers_->size(),
                   [this](std::uint64_t round, const std::shared_ptr<const tls::KnownRevocations>& revocations) {
                     workers_->adopt_revocations(round, revocations);
                   }),
      admin_socket_(std::move(resources.admin)),
      lifecycle_(loop, resources.service->notifier),
      listeners_(workers_->size(), std::move(resources.service->sockets)),
      endpoints_(loop,
                 [this](const std::shared_ptr<const proxy::EndpointStates>& states) {
                   if (workers_run_) workers_->update_endpoints(states);
                 }),
      collector_(loop, workers_->size(), [this](std::uint64_t request) { workers_->collect_metrics(request); }),
      metrics_(loop,
               [this](const HttpRequest& request, Responder respond) { routes_.metrics(request, std::move(respond)); }),
      rotation_(loop, {.reload = [this] { reloader_.reload("watch", {}); },
                       .rotate = [this] { reloader_.rotate_files(); },
                       .is_busy = [this] { return reloader_.is_loading(); }}),
      reloader_({.loop = loop,
                 .workers = *workers_,
                 .listeners = listeners_,
                 .endpoints = endpoints_,
                 .access_log = *access_log_,
                 .metrics = metrics_,
                 .observer = lifecycle_},
                std::move(load),
                [this](LoadTrace trace) {
                  fetch_crls();
                  fetch_staples();
                  rotation_.after(std::move(trace), reloader_.current());
                }),
      routes_({.reloader = reloader_,
               .collector = collector_,
               .endpoints = endpoints_,
               .access_log = *access_log_,
               .revocations = revocations_,
               .ocsp = ocsp_report_,
               .rotation = rotation_,
               .crls = crl_states_,
               .staples = staple_states_,
               .sessions = workers_->sessions(),
               .draining = draining_,
               .announce_drain = [this] { announce_drain(); }}),
      admin_server_(
          loop, [this](const HttpRequest& request, Responder respond) { routes_.admin(request, std::move(respond)); }),
      signals_(loop, [this](int number) { on_signal(number); }),
      ticket_rotation_(loop, [this] { reloader_.rotate_ticket_keys(); }),
      expiries_(loop,
                [this] {
                  workers_->sessions().remove_ended(now_in_seconds());
                  tell_expiries();
                }),
      drain_(loop, [this] { end("the drain timeout is over"); }),
      watchdog_(
          loop, workers_->size(), [this](std::uint64_t round) { workers_->ping(round); },
          [this] { lifecycle_.keep_alive(); }),
      watchdog_limit_(resources.service->watchdog),
      ticket_key_lifetime_(resources.ticket_key_lifetime) {}

Supervisor::~Supervisor() = default;

int Supervisor::run(config::LoadResult first) {
  if (admin_socket_) {
    if (const int status = admin_server_.listen(admin_socket_->take()); status != 0) {
      core::log_event(LogLevel::error, "the admin socket can't be watched", {{"detail", uv_strerror(status)}});
      return 1;
    }
  }
  status_.start();
  workers_->start();
  workers_run_ = true;
  reloader_.start(std::move(first), [this](const ReloadOutcome& outcome) { on_started(outcome); });
  loop_.run();
  ::alarm(kStopSeconds);
  // First, so that no answer is on its way to a worker that is gone. What workers still ask waits unheard.
  status_.stop();
  workers_->stop();
  return exit_code_;
}

void Supervisor::on_started(const ReloadOutcome& outcome) {
  if (outcome.result != ReloadResult::reloaded) {
    exit_code_ = 1;
    return end("the first configuration could not be brought into service");
  }
  // The load has told of what was near its end by now.
  expiries_told_ = now_in_seconds();
  expiries_.start(kExpiryPeriod, kExpiryPeriod);
  ticket_rotation_.start(ticket_key_lifetime_, ticket_key_lifetime_);
  if (watchdog_limit_) watchdog_.start(*watchdog_limit_);
  if (!tls::can_share_certificates()) {
    core::log_event(LogLevel::warning, "OpenSSL parses each client's certificate anew, which makes handshakes slower",
                    {{"detail", "the dynamic linker does not put the program's d2i_X509 first"}});
  }
  core::log_event(LogLevel::info, "gatewayd is ready",
                  {{"version", version::own_version()},
                   {"pid", static_cast<std::int64_t>(::getpid())},
                   {"workers", static_cast<std::int64_t>(workers_->size())},
                   {"generation", static_cast<std::int64_t>(outcome.generation)}});
}

void Supervisor::on_reply(proxy::ControlMessage message) {
  if (const auto* adopted = std::get_if<proxy::WorkerAdopted>(&message)) {
    reloader_.on_adopted(*adopted);
  } else if (const auto* report = std::get_if<proxy::WorkerReport>(&message)) {
    collector_.on_report(*report);
  } else if (const auto* drained = std::get_if<proxy::WorkerDrained>(&message)) {
    if (undrained_.erase(drained->worker) != 0 && undrained_.empty()) end("all workers are drained");
  } else if (const auto* pong = std::get_if<proxy::Pong>(&message)) {
    watchdog_.on_pong(pong->worker, pong->round);
  } else if (const auto* revoked = std::get_if<proxy::RevocationsAdopted>(&message)) {
    revocations_.on_adopted(*revoked);
  }
}

void Supervisor::on_status(StatusReport report) {
  if (const auto* ocsp = std::get_if<OcspReport>(&report)) ocsp_report_ = *ocsp;
  if (auto* crls = std::get_if<CrlReport>(&report)) {
    crl_states_ = std::move(crls->states);
    // Whatever `watch` says: a CRL that was asked for by URL is asked for to be taken.
    if (crls->has_new && !stopping_) reloader_.rotate_files();
  }
  if (auto* staples = std::get_if<StapleReport>(&report)) {
    staple_states_ = std::move(staples->states);
    workers_->update_staples(staples->staples);
  }
}

void Supervisor::fetch_crls() {
  const config::LoadedConfig* config = reloader_.current();
  if (stopping_ || config == nullptr || config->crl_sources == crl_sources_) return;
  crl_sources_ = config->crl_sources;
  status_.post(WatchCrls{.sources = crl_sources_, .state_directory = config->state_directory});
}

void Supervisor::fetch_staples() {
  const config::LoadedConfig* config = reloader_.current();
  if (stopping_ || config == nullptr) return;
  auto sources = config::staple_sources_of(*config->snapshot);
  if (sources == staple_sources_) return;
  staple_sources_ = std::move(sources);
  status_.post(WatchStaples{.sources = staple_sources_, .state_directory = config->state_directory});
}

void Supervisor::on_signal(int number) {
  switch (number) {
    case SIGHUP:
      return reload_by_signal();
    case SIGUSR1:
      return reopen_log();
    default:
      return stopping_ ? end("told twice to end") : begin_drain();
  }
}

void Supervisor::reload_by_signal() {
  // One that runs may have read the file already; one that waits has not.
  if (signal_reloads_ >= 2) return;
  ++signal_reloads_;
  reloader_.reload("signal", [this](const ReloadOutcome&) { --signal_reloads_; });
}

void Supervisor::reopen_log() {
  if (const auto done = access_log_->reopen(); done) {
    core::log_event(LogLevel::info, "access log reopened");
  } else {
    core::log_event(LogLevel::error, "access log could not be reopened", {{"detail", done.error().detail}});
  }
}

void Supervisor::tell_expiries() {
  const auto now = now_in_seconds();
  for (const auto& notice : expiry_notices(*reloader_.current(), std::exchange(expiries_told_, now), now)) {
    core::log_event(notice.level, notice.message,
                    {{"name", notice.name}, {"used_by", notice.used_by}, {"end", core::format_time(notice.end)}});
  }
}

void Supervisor::announce_drain() {
  if (std::exchange(draining_, true)) return;
  core::log_event(LogLevel::info, "a drain is announced: not ready any more, clients are served until the end");
  workers_->announce_drain();
  lifecycle_.on_drain_announced();
}

void Supervisor::begin_drain() {
  draining_ = true;
  rotation_.stop();
  stopping_ = true;
  reloader_.close();
  const bool serving = reloader_.is_serving();
  const auto time = serving ? drain_time(*reloader_.current()->snapshot) + kDrainGrace : core::Milliseconds{0};
  lifecycle_.on_stopping(time + std::chrono::seconds(kStopSeconds));
  if (!serving) return end("told to end before anything was served");
  core::log_event(LogLevel::info, "draining", {{"seconds_at_most", static_cast<std::int64_t>(time.count() / 1000)}});
  for (unsigned i = 0; i < workers_->size(); ++i) undrained_.insert(i);
  drain_.start(time);
  workers_->begin_drain();
  listeners_.close_all();
}

void Supervisor::end(const char* why) {
  core::log_event(exit_code_ == 0 ? LogLevel::info : LogLevel::error, "gatewayd ends", {{"detail", why}});
  loop_.stop();
}

int cannot_start(ServiceEnvironment& service, const core::Error& error) {
  service.notifier.send(ServiceNotifier::status("Can't start: " + error.detail));
  core::log_event(LogLevel::error, "gatewayd can't start", {{"detail", error.detail}});
  return 1;
}

int run_daemon(const std::string& config_path, config::LoadResult first, config::LoadMemory& memory,
               ServiceEnvironment& service) {
  const config::LoadedConfig& config = *first.config;
  Supervisor::Resources resources;
  resources.service = &service;
  drop_unwanted(service.sockets, config.snapshot->listeners);
  resources.state_directory = config.state_directory;
  auto revocations = EmergencyRevocations::load(StateDirectory(resources.state_directory));
  if (!revocations) return cannot_start(service, revocations.error());
  resources.revocations = std::move(*revocations);
  if (!config.admin.socket.empty()) {
    // First of all: it finds out whether another daemon runs with this config.
    auto admin = AdminSocket::open(config.admin.socket);
    if (!admin) return cannot_start(service, admin.error());
    resources.admin.emplace(std::move(*admin));
  }
  // The first generation opens the real one.
  auto access_log = core::LogSink::open("/dev/null");
  if (!access_log) return cannot_start(service, access_log.error());
  resources.access_log = std::move(*access_log);

  auto loop = std::make_unique<core::EventLoop>();
  Supervisor* receiver = nullptr;
  auto replies = std::make_unique<Supervisor::Replies>(
      loop->get(), [&receiver](proxy::ControlMessage&& message) { receiver->on_reply(std::move(message)); });
  auto reports = std::make_unique<Supervisor::StatusReports>(
      loop->get(), [&receiver](StatusReport&& report) { receiver->on_status(std::move(report)); });
  auto status = std::make_unique<StatusThread>(
      [mailbox = reports.get()](StatusReport report) { mailbox->post(std::move(report)); });
  resources.status = status.get();
  auto workers = WorkerSet::create(
      {.count = config.workers,
       .reply = [mailbox = replies.get()](proxy::ControlMessage message) { mailbox->post(std::move(message)); },
       .ask_ocsp = [thread = status.get()](proxy::OcspQuery query) { thread->post(std::move(query)); },
       .access_log = resources.access_log.get(),
       .descriptor_cap = descriptor_cap_of(raise_descriptor_limit()),
       .revocations = known_revocations_of(resources.revocations)});
  if (!workers) return cannot_start(service, workers.error());
  resources.workers = std::move(*workers);

  auto supervisor = std::make_unique<Supervisor>(*loop, std::move(resources), [&](std::uint64_t generation) {
    return config::load(config_path, generation, memory);
  });
  receiver = supervisor.get();
  const int exit_code = supervisor->run(std::move(first));
  const bool lookups_run = supervisor->running_lookups() + status->running_lookups() != 0;
  supervisor.reset();
  reports.reset();
  replies.reset();
  // A name server that does not answer would keep the loop, and then libuv's thread pool, for as long as it likes.
  if (lookups_run) std::_Exit(exit_code);
  return exit_code;
}

}  // namespace gateway::gatewayd
