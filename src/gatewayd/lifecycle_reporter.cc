#include "gatewayd/lifecycle_reporter.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

namespace gateway::gatewayd {
namespace {

// How soon a manager whose queue was full is tried again.
constexpr core::Milliseconds kRetryInterval{50};

std::int64_t microseconds(core::Milliseconds time) {
  return std::chrono::microseconds(time).count();
}

// Managers compare it with times of their own: the clock must be this one.
std::int64_t monotonic_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

std::string first_error(const std::vector<config::Diagnostic>& diagnostics) {
  const auto found = std::ranges::find(diagnostics, config::Severity::error, &config::Diagnostic::severity);
  return found == diagnostics.end() ? std::string() : config::to_string(*found);
}

LifecycleReporter::LifecycleReporter(core::EventLoop& loop, ServiceNotifier& notifier)
    : notifier_(notifier), again_(loop, [this] {
        notifier_.flush();
        if (!notifier_.has_waiting()) again_.stop();
      }) {}

void LifecycleReporter::on_reload_begun(std::string_view trigger) {
  if (!ready_ || stopping_) return;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_microseconds()) + '\n' +
       ServiceNotifier::status("Reloading the config (" + std::string(trigger) + ")."));
}

void LifecycleReporter::on_reload_finished(const ReloadOutcome& outcome) {
  if (stopping_) return;
  const std::string error = first_error(outcome.diagnostics);
  if (!ready_ && outcome.result != ReloadResult::reloaded) {
    return send(ServiceNotifier::status("Can't start: " + (error.empty() ? "not every worker answers." : error)));
  }
  generation_ = outcome.generation;
  switch (outcome.result) {
    case ReloadResult::reloaded:
      trouble_.clear();
      break;
    case ReloadResult::refused:
      trouble_ = "The last reload (" + outcome.trigger + ") was refused: " + error;
      break;
    case ReloadResult::timeout:
      trouble_ = "Not every worker has taken it in time.";
      break;
  }
  ready_ = true;
  send("READY=1\nMAINPID=" + std::to_string(::getpid()) + '\n' + ServiceNotifier::status(serving_status()));
}

void LifecycleReporter::on_drain_announced() {
  drain_announced_ = true;
  if (ready_ && !stopping_) send(ServiceNotifier::status(serving_status()));
}

// A manager whose own limit is longer keeps to that.
void LifecycleReporter::on_stopping(core::Milliseconds at_most) {
  if (std::exchange(stopping_, true)) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(at_most).count();
  send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(microseconds(at_most)) + '\n' +
       ServiceNotifier::status("Draining: ends in " + std::to_string(seconds) + " s at most."));
}

void LifecycleReporter::keep_alive() {
  send("WATCHDOG=1");
}

void LifecycleReporter::send(std::string message) {
  notifier_.send(std::move(message));
  if (notifier_.has_waiting()) again_.start(kRetryInterval, kRetryInterval);
}

std::string LifecycleReporter::serving_status() const {
  std::string text = "Serving generation " + std::to_string(generation_) + '.';
  if (drain_announced_) text += " Draining is announced: not ready, waits for SIGTERM.";
  if (!trouble_.empty()) text += ' ' + trouble_;
  return text;
}

}  // namespace gateway::gatewayd
