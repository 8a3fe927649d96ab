#include "gatewayd/watchdog.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "core/log.h"

namespace gateway::gatewayd {
namespace {

std::optional<std::uint64_t> take_number(const char* name) {
  const char* const set = std::getenv(name);
  if (set == nullptr) return std::nullopt;
  const std::string text = set;
  ::unsetenv(name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // What is no number is nobody's: neither a limit nor this process.
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

}  // namespace

Watchdog::Watchdog(core::EventLoop& loop, unsigned workers, std::function<void(std::uint64_t)> ask,
                   std::function<void()> alive)
    : workers_(workers), ask_(std::move(ask)), alive_(std::move(alive)), timer_(loop, [this] { tick(); }) {}

std::optional<core::Milliseconds> Watchdog::limit_from_environment() {
  const auto limit = take_number("WATCHDOG_USEC");
  const auto pid = take_number("WATCHDOG_PID");
  if (!limit || *limit == 0 || *limit > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  if (pid && *pid != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  return std::chrono::floor<core::Milliseconds>(std::chrono::microseconds(static_cast<std::int64_t>(*limit)));
}

void Watchdog::start(core::Milliseconds limit) {
  const auto interval = std::max(limit / 2, core::Milliseconds{1});
  timer_.start(interval, interval);
  tick();
}

// A worker that has not answered is not asked again: its mailbox would only fill.
void Watchdog::tick() {
  if (!silent_.empty()) {
    if (std::exchange(late_, true)) return;
    std::string names;
    for (const unsigned worker : silent_) names += (names.empty() ? "" : ", ") + std::to_string(worker);
    return core::log_event(core::LogLevel::error, "no keep-alive for the service manager: workers do not answer",
                           {{"workers", std::string_view(names)}});
  }
  for (unsigned i = 0; i < workers_; ++i) silent_.insert(i);
  ask_(++round_);
}

void Watchdog::on_pong(unsigned worker, std::uint64_t round) {
  if (round != round_ || silent_.erase(worker) == 0 || !silent_.empty()) return;
  if (std::exchange(late_, false)) core::log_event(core::LogLevel::info, "all workers answer again");
  alive_();
}

}  // namespace gateway::gatewayd
