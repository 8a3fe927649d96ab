#include "bench/load/tally.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <ctime>
#include <nlohmann/json.hpp>

namespace bench {

std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

double cpu_seconds(int pid) {
  clockid_t clock = 0;
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return 0;
  }
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

namespace {

// 32 buckets for each power of two; the value is at least `lowest_of` its bucket.
std::size_t bucket_of(std::uint64_t value) {
  if (value < 32) {
    return value;
  }
  const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 6;
  return (shift + 1) * 32 + ((value >> shift) & 31);
}

std::uint64_t lowest_of(std::size_t bucket) {
  if (bucket < 32) {
    return bucket;
  }
  return (32 + bucket % 32) << (bucket / 32 - 1);
}

}  // namespace

void Latencies::add(std::uint64_t nanoseconds) {
  ++buckets_[std::min(bucket_of(nanoseconds), buckets_.size() - 1)];
  ++count_;
}

double Latencies::percentile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size() && count_ > 0; ++bucket) {
    below += buckets_[bucket];
    if (below > wanted || below == count_) {
      return static_cast<double>(lowest_of(bucket)) / 1e3;
    }
  }
  return 0;
}

std::map<std::string, double> Tally::cpu_now() const {
  std::map<std::string, double> used = {{"load", cpu_seconds(getpid())}};
  for (const auto& [name, pids] : cpu_of_) {
    for (const int pid : pids) {
      used[name] += cpu_seconds(pid);
    }
  }
  return used;
}

void Tally::begin() {
  open_ = true;
  begun_ = now_ns();
  cpu_ = cpu_now();
}

void Tally::end() {
  for (const auto& [name, used] : cpu_now()) {
    cpu_[name] = used - cpu_[name];
  }
  ended_ = now_ns();
  open_ = false;
}

void Tally::operation(std::uint64_t latency_ns) {
  ++all_operations_;
  if (open_) {
    ++operations_;
    latencies_.add(latency_ns);
  }
}

void Tally::handshake(bool resumed) {
  if (open_) {
    ++handshakes_;
    resumed_ += resumed ? 1 : 0;
  }
}

std::uint64_t Tally::failures() const {
  std::uint64_t all = 0;
  for (const auto& [kind, count] : failures_) {
    all += count;
  }
  return all;
}

std::string Tally::json() const {
  const double seconds = static_cast<double>(ended_ - begun_) / 1e9;
  return nlohmann::json{{"operations", operations_},
                        {"seconds", seconds},
                        {"per_second", seconds > 0 ? static_cast<double>(operations_) / seconds : 0},
                        {"cpu_seconds", cpu_},
                        {"connections", connections_},
                        {"handshakes", handshakes_},
                        {"resumed", resumed_},
                        {"failures", failures_},
                        {"p50_us", latencies_.percentile(0.5)},
                        {"p99_us", latencies_.percentile(0.99)}}
      .dump();
}

}  // namespace bench
