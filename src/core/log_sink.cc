#include "core/log_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "core/limits.h"
#include "core/log.h"

namespace gateway::core {
namespace {

constexpr Milliseconds kFlushTime{1'000};  // what the destructor waits for at most
constexpr int kPollSliceMs = 50;           // how soon a writer that waits for a slow reader sees that it shall end
// What a pipe that polled writable surely takes without blocking. Standard output is shared with other processes, so it
// can't be made non-blocking.
constexpr std::size_t kSharedWriteBytes = 4096;

Error open_error(const std::string& path) {
  return Error{
      .reason = Reason::internal, .side = Side::gateway, .detail = "access log " + path + ": " + std::strerror(errno)};
}

Result<UniqueFd> open_path(const std::string& path) {
  if (path == "stdout") {
    UniqueFd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd) return std::unexpected(open_error(path));
    return fd;
  }
  // Non-blocking: a FIFO without a reader is an error here instead of a daemon that hangs.
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
  if (!fd) return std::unexpected(open_error(path));
  return fd;
}

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

Result<std::unique_ptr<LogSink>> LogSink::open(const std::string& path) {
  TRY(auto fd, open_path(path));
  return std::unique_ptr<LogSink>(new LogSink(path, std::move(fd)));
}

LogSink::LogSink(std::string path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::make_shared<const UniqueFd>(std::move(fd))), thread_([this] { run(); }) {}

LogSink::~LogSink() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LogSink::submit(std::string& lines) noexcept {
  if (lines.empty()) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  if (waiting_.size() + lines.size() > kLogBacklogBytes) {
    dropped_lines_ += count_lines(lines);
    lines.clear();
    return;
  }
  try {
    waiting_ += lines;
  } catch (const std::exception&) {
    dropped_lines_ += count_lines(lines);
  }
  lines.clear();
  wake_.notify_one();
}

Result<bool> LogSink::reopen() {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = path_;
  }
  return reopen(path);
}

Result<bool> LogSink::reopen(const std::string& path) {
  TRY(auto fd, open_path(path));
  auto shared = std::make_shared<const UniqueFd>(std::move(fd));
  const std::lock_guard lock(mutex_);
  fd_.swap(shared);
  path_ = path;
  return true;
}

std::uint64_t LogSink::dropped_lines() const {
  const std::lock_guard lock(mutex_);
  return dropped_lines_;
}

void LogSink::run() {
  std::string batch;
  while (true) {
    std::shared_ptr<const UniqueFd> fd;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      batch.clear();
      batch.swap(waiting_);
      fd = fd_;
    }
    if (torn_ == fd && write_batch(*fd, "\n").bytes != 0) torn_.reset();
    const Written written = write_batch(*fd, batch);
    if (written.bytes != 0 && batch[written.bytes - 1] != '\n') torn_ = fd;
    if (written.bytes < batch.size()) {
      const std::lock_guard lock(mutex_);
      dropped_lines_ += count_lines(std::string_view(batch).substr(written.bytes));
    }
    tell(written.error);
  }
}

// How much of `batch` was written: all of it, unless the file refuses or the sink ends while its reader is slow.
LogSink::Written LogSink::write_batch(const UniqueFd& fd, std::string_view batch) {
  struct stat info{};
  const bool whole = ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode);
  std::size_t written = 0;
  while (written < batch.size()) {
    if (!whole) {
      pollfd poll{.fd = fd.get(), .events = POLLOUT, .revents = 0};
      const int ready = ::poll(&poll, 1, kPollSliceMs);
      if (ready <= 0) {
        if (must_give_up()) return {.bytes = written};
        continue;
      }
    }
    const std::size_t size = whole ? batch.size() - written : std::min(batch.size() - written, kSharedWriteBytes);
    const ssize_t count = ::write(fd.get(), batch.data() + written, size);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno != EINTR && errno != EAGAIN) {
      return {.bytes = written, .error = errno};
    }
  }
  return {.bytes = written};
}

// Once when it begins to fail and once when it is over: the metric has the number of lines.
void LogSink::tell(int error) {
  if (error != 0 && !std::exchange(failing_, true)) {
    log_event(LogLevel::error, "access log lines are lost", {{"detail", std::string_view(std::strerror(error))}});
  } else if (error == 0 && std::exchange(failing_, false)) {
    log_event(LogLevel::info, "the access log is written again");
  }
}

bool LogSink::must_give_up() {
  const std::lock_guard lock(mutex_);
  if (!stop_) return false;
  const auto now = std::chrono::steady_clock::now();
  if (!give_up_) give_up_ = now + kFlushTime;
  return now >= *give_up_;
}

}  // namespace gateway::core
