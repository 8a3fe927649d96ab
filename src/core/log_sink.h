#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/result.h"
#include "core/unique_fd.h"

namespace gateway::core {

// The one thread that writes access log lines, so that a slow disk or pipe never holds a worker.
class LogSink {
 public:
  // `path`: "stdout" or a file, which is opened for appending (0640).
  static Result<std::unique_ptr<LogSink>> open(const std::string& path);
  // Writes what is waiting (bounded by a second), then ends the thread.
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  // Any thread; never blocks. Takes whole lines and clears `lines`; leaves them if the writer holds the lock at this
  // moment (the caller tries again at its next turn). Drops and counts them if kLogBacklogBytes are waiting already.
  void submit(std::string& lines) noexcept;

  // Any thread: opens the file again (log rotation, SIGUSR1). If that fails the old one stays in use and the error is
  // returned.
  Result<bool> reopen();
  // The same with another path (reload).
  Result<bool> reopen(const std::string& path);

  [[nodiscard]] std::uint64_t dropped_lines() const;

 private:
  LogSink(std::string path, UniqueFd fd);
  void run();
  struct Written {
    std::size_t bytes = 0;
    int error = 0;  // errno of the write that failed
  };
  Written write_batch(const UniqueFd& fd, std::string_view batch);
  void tell(int error);
  bool must_give_up();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  std::string path_;
  std::shared_ptr<const UniqueFd> fd_;
  std::uint64_t dropped_lines_ = 0;
  bool stop_ = false;
  std::optional<std::chrono::steady_clock::time_point> give_up_;  // set once stop_ is seen while the reader is slow
  // Of the writing thread.
  bool failing_ = false;
  std::shared_ptr<const UniqueFd> torn_;  // the file whose last line is not whole
  std::thread thread_;
};

}  // namespace gateway::core
