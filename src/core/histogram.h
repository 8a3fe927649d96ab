#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace gateway::core {

// Seconds; upper bounds are inclusive. The same for every duration that is exported, so that a dashboard can compare
// them.
inline constexpr std::array<double, 14> kDurationBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                           0.1,    0.25,  0.5,    1,     2.5,  5,     10};

// A histogram with one writer: plain numbers, copied out by its own thread when a scrape asks.
class Histogram {
 public:
  void observe(std::chrono::nanoseconds duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    std::size_t bucket = 0;
    while (bucket < kDurationBounds.size() && seconds > kDurationBounds[bucket]) ++bucket;
    ++counts_[bucket];
    sum_seconds_ += seconds;
  }

  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    sum_seconds_ += other.sum_seconds_;
  }

  [[nodiscard]] bool empty() const {
    return std::ranges::all_of(counts_, [](std::uint64_t count) { return count == 0; });
  }
  // Not cumulative; the last one is +Inf.
  [[nodiscard]] const std::array<std::uint64_t, kDurationBounds.size() + 1>& counts() const { return counts_; }
  [[nodiscard]] double sum_seconds() const { return sum_seconds_; }

 private:
  std::array<std::uint64_t, kDurationBounds.size() + 1> counts_{};
  double sum_seconds_ = 0;
};

}  // namespace gateway::core
