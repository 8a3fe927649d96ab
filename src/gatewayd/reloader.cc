#include "gatewayd/reloader.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace gateway::gatewayd {
namespace {

// Access lines are formatted by workers only if the snapshot wants them, so a sink that is off needs no special case.
std::string sink_path(const proxy::AccessLogOptions& options) {
  return options.path == "off" ? "/dev/null" : options.path;
}

}  // namespace

Reloader::Reloader(Parts parts, Load load, AfterLoad after_load, core::Milliseconds adoption_time)
    : parts_(parts),
      load_(std::move(load)),
      after_load_(std::move(after_load)),
      adoption_time_(adoption_time),
      ticket_keys_(tls::TicketKeys::generate()),
      retired_(parts.loop),
      adoption_(parts.loop, [this] { finish(ReloadResult::timeout); }) {}

void Reloader::start(config::LoadResult first, Done done) {
  queue_.push_back({.trigger = "start", .loaded = std::move(first), .kind = Kind::load, .done = std::move(done)});
  next();
}

void Reloader::reload(std::string trigger, Done done) {
  queue_.push_back({.trigger = std::move(trigger), .loaded = {}, .kind = Kind::load, .done = std::move(done)});
  next();
}

void Reloader::rotate_ticket_keys() {
  if (current_ && current_->ticket_keys) return;
  queue_.push_back({.trigger = "rotation", .loaded = {}, .kind = Kind::ticket_keys, .done = {}});
  next();
}

void Reloader::rotate_files() {
  // One that waits will read them.
  if (std::ranges::find(queue_, Kind::files, &Request::kind) != queue_.end()) return;
  queue_.push_back({.trigger = "rotation", .loaded = {}, .kind = Kind::files, .done = {}});
  next();
}

void Reloader::close() {
  closed_ = true;
  next();
}

void Reloader::next() {
  if (busy_ || queue_.empty()) return;
  busy_ = true;
  Request request = std::move(queue_.front());
  queue_.pop_front();
  begin(std::move(request));
}

void Reloader::begin(Request request) {
  request_ = std::move(request);
  outcome_ = {.result = ReloadResult::refused,
              .generation = current_ ? current_->snapshot->generation : 0,
              .trigger = request_.trigger,
              .time = std::chrono::system_clock::now(),
              .changes = {},
              .diagnostics = {}};
  if (request_.kind == Kind::load) parts_.observer.on_reload_begun(request_.trigger);
  if (closed_) {
    add_error("", "the daemon is draining");
    return finish(ReloadResult::refused);
  }
  if (!ticket_keys_) {
    add_error("", "the system gives no random bytes for ticket keys");
    return finish(ReloadResult::refused);
  }
  if (request_.kind == Kind::ticket_keys) return rotate_keys();
  if (request_.kind == Kind::files) return run_file_rotation();
  run_load(request_.loaded ? std::move(*request_.loaded) : load_(outcome_.generation + 1));
}

void Reloader::run_load(config::LoadResult loaded) {
  outcome_.diagnostics = std::move(loaded.diagnostics);
  trace_.emplace(
      LoadTrace{.kind = LoadTrace::Kind::load, .trigger = request_.trigger, .files = std::move(loaded.watched_files)});
  if (!loaded.config || !prepare(std::move(*loaded.config))) return finish(ReloadResult::refused);
  parts_.endpoints.prepare(prepared_->config.snapshot, [this] { commit(); });
}

const std::shared_ptr<const tls::TicketKeys>& Reloader::keys_for(const config::LoadedConfig& config) const {
  return config.ticket_keys ? config.ticket_keys : ticket_keys_;
}

// Everything that can fail. All errors are collected; what was prepared before one is dropped.
bool Reloader::prepare(config::LoadedConfig config) {
  const auto& snapshot = *config.snapshot;
  path_ = config.path;
  if (current_) {
    for (auto& line : config::restart_only_changes(*current_, config)) add_error("", std::move(line));
    outcome_.changes = config::describe_changes(*current_, config);
  }
  auto contexts = parts_.workers.build_contexts(snapshot, keys_for(config));
  if (!contexts) add_error("", "TLS contexts: " + contexts.error().detail);
  auto listeners = parts_.listeners.prepare(snapshot.listeners);
  if (!listeners) {
    for (auto& error : listeners.error()) add_error(error.bind, "can't bind " + error.bind + ": " + error.message);
  }
  auto metrics = parts_.metrics.prepare(config.admin.metrics);
  if (!metrics) add_error("", "admin.metrics: " + metrics.error().detail);
  const auto is_error = [](const auto& diagnostic) { return diagnostic.severity == config::Severity::error; };
  if (std::ranges::any_of(outcome_.diagnostics, is_error)) return false;

  // Last, as it takes effect at once.
  const bool log_changes = !current_ || current_->snapshot->access_log.path != snapshot.access_log.path;
  if (log_changes) {
    if (const auto opened = parts_.access_log.reopen(sink_path(snapshot.access_log)); !opened) {
      add_error(snapshot.access_log.path, opened.error().detail);
      return false;
    }
  }
  prepared_.emplace(Prepared{.config = std::move(config),
                             .contexts = std::move(*contexts),
                             .listeners = std::move(*listeners),
                             .metrics = std::move(*metrics)});
  return true;
}

// Nothing in here can fail.
void Reloader::commit() {
  Prepared prepared = std::move(*prepared_);
  prepared_.reset();
  if (closed_) {
    // The drain began while names were looked up: the listeners are closed by now.
    add_error("", "the daemon is draining");
    return finish(ReloadResult::refused);
  }
  current_ = std::move(prepared.config);
  outcome_.generation = current_->snapshot->generation;
  parts_.endpoints.commit();
  parts_.metrics.commit(std::move(prepared.metrics));
  parts_.workers.sessions().set_capacity(current_->session_capacity);
  auto sockets = std::move(prepared.listeners.new_sockets);
  parts_.listeners.commit(std::move(prepared.listeners));
  adopt(std::move(prepared.contexts), std::move(sockets));
}

void Reloader::rotate_keys() {
  if (!current_) return finish(ReloadResult::refused);
  auto keys = tls::TicketKeys::rotate(*ticket_keys_);
  if (!keys) {
    add_error("", "the system gives no random bytes for ticket keys");
    return finish(ReloadResult::refused);
  }
  // A config with key files may have come since this was asked for.
  auto contexts =
      parts_.workers.build_contexts(*current_->snapshot, current_->ticket_keys ? current_->ticket_keys : keys);
  if (!contexts) {
    add_error("", "TLS contexts: " + contexts.error().detail);
    return finish(ReloadResult::refused);
  }
  ticket_keys_ = std::move(keys);
  adopt(std::move(*contexts), {});
}

void Reloader::run_file_rotation() {
  if (!current_) return finish(ReloadResult::refused);
  auto rotation = config::rotate(
      *current_, [this](const tls::HostOptions& host) { return parts_.workers.can_serve(host, keys_for(*current_)); });
  outcome_.diagnostics = std::move(rotation.warnings);
  trace_.emplace(LoadTrace{.kind = LoadTrace::Kind::rotation,
                           .trigger = request_.trigger,
                           .files = std::move(rotation.watched_files),
                           .rotated = std::move(rotation.rotated),
                           .kept = std::move(rotation.kept),
                           .failure = std::move(rotation.failure)});
  if (!trace_->failure.empty()) add_error("", trace_->failure);
  if (!rotation.config) return finish(ReloadResult::refused);
  auto contexts = parts_.workers.build_contexts(*rotation.config->snapshot, keys_for(*rotation.config));
  if (!contexts) {
    trace_->failure = "TLS contexts: " + contexts.error().detail;
    add_error("", trace_->failure);
    return finish(ReloadResult::refused);
  }
  current_ = std::move(rotation.config);
  parts_.endpoints.replace(current_->snapshot);
  adopt(std::move(*contexts), {});
}

void Reloader::adopt(WorkerSet::Contexts contexts, WorkerSet::Sockets sockets) {
  for (unsigned i = 0; i < parts_.workers.size(); ++i) missing_.insert(i);
  adoption_.start(adoption_time_);
  auto left =
      parts_.workers.adopt(current_->snapshot, std::move(contexts), parts_.endpoints.states(), std::move(sockets));
  for (auto& object : left) retired_.add(std::move(object));
}

void Reloader::on_adopted(const proxy::WorkerAdopted& message) {
  if (!busy_ || !current_ || message.generation != current_->snapshot->generation) return;
  if (!message.error.empty()) {
    add_error("", "worker " + std::to_string(message.worker) + ": " + message.error);
    core::log_event(core::LogLevel::error, "a worker could not adopt all of a generation",
                    {{"worker", static_cast<std::int64_t>(message.worker)}, {"detail", message.error}});
  }
  if (missing_.erase(message.worker) != 0 && missing_.empty()) finish(ReloadResult::reloaded);
}

void Reloader::finish(ReloadResult result) {
  adoption_.stop();
  missing_.clear();
  outcome_.result = result;
  if (result != ReloadResult::refused) {
    serving_ = serving_ || result == ReloadResult::reloaded;
    parts_.listeners.close_retired();
  }
  report();
  const ReloadOutcome outcome = std::move(outcome_);
  if (request_.kind == Kind::load) {
    last_ = outcome;
    ++counts_[{outcome.trigger, outcome.result}];
    parts_.observer.on_reload_finished(outcome);
  }
  auto done = std::move(request_.done);
  auto trace = std::exchange(trace_, std::nullopt);
  request_ = {};
  busy_ = false;
  if (done) done(outcome);
  if (trace) {
    trace->taken = result != ReloadResult::refused;
    after_load_(std::move(*trace));
  }
  next();
}

void Reloader::report() {
  const auto generation = static_cast<std::int64_t>(outcome_.generation);
  for (const auto& diagnostic : outcome_.diagnostics) {
    const bool error = diagnostic.severity == config::Severity::error;
    core::log_event(error ? core::LogLevel::error : core::LogLevel::warning, config::to_string(diagnostic),
                    {{"trigger", outcome_.trigger}});
  }
  if (request_.kind != Kind::load) return report_rotation(outcome_.result == ReloadResult::reloaded);
  for (const auto& change : outcome_.changes) {
    if (outcome_.result != ReloadResult::refused)
      core::log_event(core::LogLevel::info, "config change", {{"change", change}});
  }
  switch (outcome_.result) {
    case ReloadResult::reloaded:
      return core::log_event(core::LogLevel::info, "config adopted by all workers",
                             {{"trigger", outcome_.trigger}, {"generation", generation}});
    case ReloadResult::refused:
      return core::log_event(core::LogLevel::error, "config refused",
                             {{"trigger", outcome_.trigger}, {"generation", generation}});
    case ReloadResult::timeout:
      return core::log_event(core::LogLevel::error, "config handed out, but not every worker has adopted it in time",
                             {{"trigger", outcome_.trigger}, {"generation", generation}});
  }
}

void Reloader::report_rotation(bool done) {
  if (request_.kind == Kind::ticket_keys) {
    return core::log_event(done ? core::LogLevel::info : core::LogLevel::error,
                           done ? "ticket keys rotated" : "ticket keys could not be rotated", {});
  }
  if (outcome_.result == ReloadResult::timeout) {
    core::log_event(core::LogLevel::error, "files rotated, but not every worker has adopted them in time", {});
  }
  if (!trace_ || outcome_.result == ReloadResult::refused) return;
  for (const config::Item& item : trace_->rotated) {
    core::log_event(core::LogLevel::info, "files rotated",
                    {{"item", std::string(config::to_string(item.kind))}, {"name", item.name}});
  }
}

void Reloader::add_error(std::string value, std::string message) {
  outcome_.diagnostics.push_back({.severity = config::Severity::error,
                                  .file = path_,
                                  .line = 0,
                                  .column = 0,
                                  .value = std::move(value),
                                  .message = std::move(message)});
}

}  // namespace gateway::gatewayd
