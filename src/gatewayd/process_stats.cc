#include "gatewayd/process_stats.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "core/limits.h"

namespace gateway::gatewayd {
namespace {

std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    double value = 0;
    if (words >> key >> value && key == "btime") return value;
  }
  return std::nullopt;
}

// proc(5), /proc/PID/stat: the fields behind the command, which is in brackets and may hold anything. The first one is
// field 3.
void read_stat(ProcessStats& stats) {
  std::ifstream file("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto bracket = text.rfind(')');
  if (bracket == std::string::npos) return;
  std::istringstream words(text.substr(bracket + 1));
  const std::vector<std::string> fields((std::istream_iterator<std::string>(words)),
                                        std::istream_iterator<std::string>());
  constexpr std::size_t kUserTime = 14 - 3;
  constexpr std::size_t kSystemTime = 15 - 3;
  constexpr std::size_t kStartTime = 22 - 3;
  constexpr std::size_t kVirtualBytes = 23 - 3;
  constexpr std::size_t kResidentPages = 24 - 3;
  if (fields.size() <= kResidentPages) return;
  const auto number = [&](std::size_t field) { return std::strtoull(fields[field].c_str(), nullptr, 10); };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stats.cpu_seconds = static_cast<double>(number(kUserTime) + number(kSystemTime)) / ticks;
  if (const auto boot = boot_time()) stats.start_time_seconds = *boot + static_cast<double>(number(kStartTime)) / ticks;
  stats.virtual_bytes = number(kVirtualBytes);
  stats.resident_bytes = number(kResidentPages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  read_stat(stats);
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  if (!error) {
    std::uint64_t count = 0;
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
    // One of them was the iterator's own.
    stats.open_descriptors = count > 0 ? count - 1 : 0;
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_descriptors = limit.rlim_cur;
  return stats;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  return limit.rlim_cur;
}

std::uint64_t descriptor_cap_of(std::uint64_t descriptor_limit) {
  if (descriptor_limit <= core::kReservedDescriptors) return 1;
  return std::max<std::uint64_t>(1, (descriptor_limit - core::kReservedDescriptors) / 2);
}

void fill_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
      // The lowest free number is `fd` itself. It stays open for the life of the process.
      static_cast<void>(::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY));
    }
  }
}

}  // namespace gateway::gatewayd
