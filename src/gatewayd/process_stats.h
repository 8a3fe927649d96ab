#pragma once

#include <cstdint>
#include <optional>

namespace gateway::gatewayd {

// What the kernel says of this process; nullopt where /proc can't be read.
struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> start_time_seconds;  // since 1970
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> open_descriptors;
  std::optional<std::uint64_t> max_descriptors;
};
ProcessStats read_process_stats();

// Raises the soft descriptor limit to the hard one and returns it.
std::uint64_t raise_descriptor_limit();

// The most client connections that a descriptor limit allows: each may need one more for its upstream.
std::uint64_t descriptor_cap_of(std::uint64_t descriptor_limit);

// Opens /dev/null in place of a standard stream that is closed: the next socket would take its number, and a log line
// would be written to a client.
void fill_standard_streams();

}  // namespace gateway::gatewayd
