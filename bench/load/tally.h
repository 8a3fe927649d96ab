#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bench {

// Monotonic, nanoseconds.
std::uint64_t now_ns();

// CPU seconds (user and system) that all threads of a process have used; 0 if it is gone.
double cpu_seconds(int pid);

// Latencies in buckets that are at most 1/32 apart.
class Latencies {
 public:
  void add(std::uint64_t nanoseconds);
  // Microseconds below which that share of all lies; 0 without any.
  double percentile(double share) const;

 private:
  std::array<std::uint64_t, 2048> buckets_{};
  std::uint64_t count_ = 0;
};

// What is counted between begin() and end(). Failures count at all times: one outside of the window spoils the run as
// well.
class Tally {
 public:
  explicit Tally(std::map<std::string, std::vector<int>> cpu_of) : cpu_of_(std::move(cpu_of)) {}

  void begin();
  void end();
  bool open() const { return open_; }

  void operation(std::uint64_t latency_ns);
  void connection() { ++connections_; }
  void handshake(bool resumed);
  void failure(const std::string& kind) { ++failures_[kind]; }
  std::uint64_t failures() const;
  std::uint64_t operations() const { return operations_; }
  // Since the beginning, in the window or not.
  std::uint64_t all_operations() const { return all_operations_; }

  // One line of JSON.
  std::string json() const;

 private:
  std::map<std::string, double> cpu_now() const;

  std::map<std::string, std::vector<int>> cpu_of_;
  bool open_ = false;
  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;
  std::map<std::string, double> cpu_;
  std::uint64_t operations_ = 0;
  std::uint64_t all_operations_ = 0;
  std::uint64_t connections_ = 0;  // all of the run
  std::uint64_t handshakes_ = 0;
  std::uint64_t resumed_ = 0;
  std::map<std::string, std::uint64_t> failures_;
  Latencies latencies_;
};

}  // namespace bench
