#include "config/program_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/quote.h"
#include "core/unique_fd.h"

namespace gateway::config {
namespace {

using Clock = std::chrono::steady_clock;
using Failure = std::unexpected<std::string>;

constexpr std::size_t kMaxErrorBytes = 512;

std::string system_message(int code) {
  return std::system_category().message(code);
}

// One stream of the child: what has come, up to a bound, in memory that never moves.
class Stream {
 public:
  explicit Stream(std::size_t max_bytes) : max_bytes_(max_bytes) { bytes_.reserve(max_bytes + kStep); }
  ~Stream() { core::wipe(bytes_.data(), bytes_.size()); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read_end_ = core::UniqueFd(ends[0]);
    write_end_ = core::UniqueFd(ends[1]);
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
  }
  void close_write_end() { write_end_.reset(); }
  [[nodiscard]] int write_end() const { return write_end_.get(); }
  [[nodiscard]] int read_end() const { return read_end_.get(); }  // -1 at the end
  [[nodiscard]] bool is_full() const { return bytes_.size() > max_bytes_; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

  // What is there now; beyond the bound it is dropped. Not for ever: the child may write faster than we read.
  void take() {
    std::array<char, kStep> buffer;
    for (int i = 0; i < kStepsAtOnce && read_end_.get() >= 0; ++i) {
      const ssize_t got = ::read(read_end_.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) {
        read_end_.reset();
      } else if (!is_full()) {
        bytes_.append(buffer.data(), static_cast<std::size_t>(got));
      }
    }
    core::wipe(buffer.data(), buffer.size());
  }

 private:
  static constexpr std::size_t kStep = 1024;
  static constexpr int kStepsAtOnce = 64;
  std::size_t max_bytes_;
  std::string bytes_;
  core::UniqueFd read_end_;
  core::UniqueFd write_end_;
};

class SpawnSettings {
 public:
  SpawnSettings() {
    ok_ = ::posix_spawn_file_actions_init(&actions_) == 0 && ::posix_spawnattr_init(&attributes_) == 0;
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  bool prepare(const std::string& folder, int out, int err) {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    // A group of its own, so that a program's children end with it.
    constexpr short kFlags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    return ok_ && ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
           ::posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO) == 0 &&
           ::posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO) == 0 &&
           ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1) == 0 &&
           ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()) == 0 &&
           ::posix_spawnattr_setpgroup(&attributes_, 0) == 0 &&
           ::posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
           ::posix_spawnattr_setsigdefault(&attributes_, &all) == 0 &&
           ::posix_spawnattr_setflags(&attributes_, kFlags) == 0;
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  bool ok_ = false;
};

std::vector<char*> child_environment() {
  constexpr std::array<std::string_view, 3> kOfTheService{"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_"};
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (std::ranges::none_of(kOfTheService, [&](std::string_view start) { return text.starts_with(start); }))
      kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

// A child that is killed, with its group, and reaped if nobody has waited for it.
class Child {
 public:
  // Not by its function, which glibc 2.36 declares without C linkage.
  explicit Child(pid_t pid) : pid_(pid), descriptor_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    static_cast<void>(wait());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }  // readable once it has ended; -1: none
  // Blocks until it has ended; its status as waitpid has it, or -1.
  int wait() {
    int status = 0;
    pid_t got = 0;
    do {
      got = ::waitpid(pid_, &status, 0);
    } while (got < 0 && errno == EINTR);
    pid_ = 0;
    return got > 0 ? status : -1;
  }

 private:
  pid_t pid_;
  core::UniqueFd descriptor_;
};

std::string verdict_of(int status) {
  if (status == -1) return "can't be waited for";
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

// What the program said of it itself: the first line, printable.
std::string with_complaint(std::string message, const Stream& errors) {
  const std::string_view line = errors.bytes().substr(0, std::min(errors.bytes().find('\n'), kMaxErrorBytes));
  return line.empty() ? message : fmt::format("{}: {}", std::move(message), escaped(line));
}

// True once the child has ended; false when time is up or the output is too long.
bool follow(const Child& child, Stream& out, Stream& err, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || out.is_full()) return false;
    std::array<pollfd, 3> waiting{
        {{out.read_end(), POLLIN, 0}, {err.read_end(), POLLIN, 0}, {child.descriptor(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(left)) < 0 && errno != EINTR) return false;
    // The child's end first: what it wrote before is in the pipes by then.
    const bool ended = waiting[2].revents != 0;
    out.take();
    err.take();
    if (ended) return !out.is_full();
  }
}

}  // namespace

std::expected<core::Secret, std::string> output_of(const Program& program) {
  const std::string name = in_quotes(program.arguments.front());
  const auto deadline = Clock::now() + program.limit;
  Stream out(program.max_bytes);
  Stream err(kMaxErrorBytes);
  SpawnSettings settings;
  if (!out.open() || !err.open() || !settings.prepare(program.folder, out.write_end(), err.write_end())) {
    return Failure(fmt::format("can't run {}: {}", name, system_message(errno)));
  }
  std::vector<std::string> words = program.arguments;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment = child_environment();
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, arguments.front(), settings.actions(), settings.attributes(),
                                    arguments.data(), environment.data());
  if (failed != 0) return Failure(fmt::format("can't run {}: {}", name, system_message(failed)));
  Child child(pid);
  if (child.descriptor() < 0) return Failure(fmt::format("can't watch {}: {}", name, system_message(errno)));
  out.close_write_end();
  err.close_write_end();
  if (!follow(child, out, err, deadline)) {
    return Failure(with_complaint(out.is_full() ? fmt::format("{} wrote more than {} bytes", name, program.max_bytes)
                                                : fmt::format("{} took longer than {} ms", name, program.limit.count()),
                                  err));
  }
  if (const int status = child.wait(); status != 0) {
    return Failure(with_complaint(fmt::format("{} {}", name, verdict_of(status)), err));
  }
  return core::Secret(out.bytes());
}

}  // namespace gateway::config
