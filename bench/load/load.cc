#include "bench/load/load.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>

namespace bench {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// For what has a number of operations in place of a duration: valgrind makes them fifty times as long.
constexpr std::uint64_t kPatience = 120 * kSecond;
constexpr std::size_t kAtOnceWhenIdle = 64;
constexpr std::uint64_t kTooManyFailures = 20;

std::uint64_t in_ns(double seconds) {
  return static_cast<std::uint64_t>(seconds * 1e9);
}

}  // namespace

Load::Load(const Options& options)
    : options_(options),
      request_(make_request()),
      tls_(options),
      tally_(options.cpu_of),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (unsigned number = 0; number < options.connections; ++number) {
    connections_.push_back(std::make_unique<Connection>(*this));
  }
}

std::string Load::make_request() const {
  std::string request = options_.upload > 0 ? "POST " : "GET ";
  request += options_.path + " HTTP/1.1\r\nHost: " + options_.name + "\r\nUser-Agent: bench/1\r\nAccept: */*\r\n";
  constexpr unsigned kField = 128;
  for (unsigned number = 0; number * kField < options_.header_bytes; ++number) {
    std::string field = "X-Bench-" + std::to_string(10 + number) + ": ";
    field.resize(kField - 2, static_cast<char>('a' + number % 26));
    request += field + "\r\n";
  }
  if (options_.upload > 0) {
    request += "Content-Type: application/octet-stream\r\nContent-Length: " + std::to_string(options_.upload) + "\r\n";
  }
  request += "\r\n";
  request.append(options_.upload, 'u');
  return request;
}

void Load::run() {
  if (options_.mode == Mode::idle) {
    run_idle();
  } else if (options_.operations > 0) {
    run_operations();
  } else {
    run_window();
  }
}

void Load::run_window() {
  for (auto& connection : connections_) {
    free_.push_back(connection.get());
  }
  const auto start = now_ns();
  next_due_ = start;
  drive_until(start + in_ns(options_.warmup));
  while (!is_warm() && now_ns() < start + kPatience && tally_.failures() < kTooManyFailures) {
    drive_until(now_ns() + kSecond / 100);
  }
  tally_.begin();
  drive_until(now_ns() + in_ns(options_.duration));
  // On a machine that is busy with something else a figure is late, not missing.
  while (tally_.operations() < connections_.size() && now_ns() < start + kPatience &&
         tally_.failures() < kTooManyFailures) {
    drive_until(now_ns() + kSecond / 100);
  }
  tally_.end();
}

// Connections that stay have shaken hands before the window opens.
bool Load::is_warm() const {
  return tally_.all_operations() >= options_.warmup_operations &&
         (options_.mode != Mode::keepalive ||
          std::ranges::all_of(connections_, [](const auto& each) { return each->is_connected(); }));
}

void Load::run_operations() {
  left_ = options_.operations;
  tally_.begin();
  ask_each_once();
  tally_.end();
}

void Load::run_idle() {
  left_ = connections_.size();
  ask_each_once();
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  left_ = connections_.size();
  tally_.begin();
  ask_each_once();
  tally_.end();
}

// Until no operation may begin or runs any more.
void Load::ask_each_once() {
  free_.clear();
  for (auto& connection : connections_) {
    free_.push_back(connection.get());
  }
  const auto end = now_ns() + kPatience;
  while ((left_ > 0 || running_ > 0) && now_ns() < end && tally_.failures() < kTooManyFailures) {
    const bool idle = options_.mode == Mode::idle;
    while (left_ > 0 && !free_.empty() && (!idle || running_ < kAtOnceWhenIdle)) {
      Connection* next = free_.front();
      free_.pop_front();
      --left_;
      ++running_;
      next->ask(now_ns());
    }
    if (running_ > 0) {
      wait(end);
    }
  }
  if (left_ > 0 || running_ > 0) {
    tally_.failure("not done in time");
  }
}

void Load::drive_until(std::uint64_t end_ns) {
  while (now_ns() < end_ns && tally_.failures() < kTooManyFailures) {
    ask_what_is_due();
    wait(options_.rate > 0 && !free_.empty() ? std::min(end_ns, next_due_) : end_ns);
  }
}

void Load::ask_what_is_due() {
  const auto now = now_ns();
  if (options_.rate <= 0) {
    for (auto count = free_.size(); count > 0; --count) {
      Connection* next = free_.front();
      free_.pop_front();
      next->ask(now);
    }
    return;
  }
  for (; next_due_ <= now; next_due_ += in_ns(1 / options_.rate)) {
    due_.push_back(next_due_);
  }
  while (!due_.empty() && !free_.empty()) {
    Connection* next = free_.front();
    free_.pop_front();
    const auto due = due_.front();
    due_.pop_front();
    next->ask(due);
  }
}

void Load::wait(std::uint64_t until_ns) {
  std::array<epoll_event, 256> events;
  const auto now = now_ns();
  const auto left = until_ns > now ? until_ns - now : 0;
  const timespec timeout{static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
  const int count = epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
  for (int index = 0; index < count; ++index) {
    static_cast<Connection*>(events[static_cast<std::size_t>(index)].data.ptr)->on_ready();
  }
}

void Load::done(Connection& connection) {
  const auto now = now_ns();
  tally_.operation(now - connection.due_ns());
  if (left_ != UINT64_MAX) {
    --running_;
    if (options_.mode != Mode::idle) {
      free_.push_back(&connection);
    }
  } else if (options_.rate > 0) {
    free_.push_back(&connection);
  } else {
    connection.ask(now);
  }
}

void Load::failed(Connection& connection, const std::string& kind) {
  tally_.failure(kind);
  if (left_ != UINT64_MAX) {
    running_ -= running_ > 0 ? 1 : 0;
  }
  if (options_.mode != Mode::idle) {
    free_.push_back(&connection);
  }
}

}  // namespace bench
