#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "core/secret.h"

namespace gateway::config {

struct Program {
  std::vector<std::string> arguments;  // the program first: a path, or a name that is looked up in $PATH
  std::string folder;                  // where it runs, absolute
  std::chrono::milliseconds limit{};   // then it is killed, with all of its process group
  std::size_t max_bytes = 0;           // of output; with more it is killed
};

// What `program` wrote on its standard output, once it has ended with status 0. No shell reads the arguments. The child
// gets the environment without what service managers say to their service ($NOTIFY_SOCKET, $WATCHDOG_*, $LISTEN_*), no
// descriptor but /dev/null and two pipes, and default signals. Blocks the caller, at most for `limit`: control thread
// only. Error: what went wrong, with the first line that the program wrote on its standard error; never its output.
std::expected<core::Secret, std::string> output_of(const Program& program);

}  // namespace gateway::config
