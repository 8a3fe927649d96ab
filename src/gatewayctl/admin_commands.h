#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>

#include "config/admin_socket.h"
#include "gatewayctl/output.h"

namespace gateway::ctl {

// A reload answers when every worker has taken the new generation.
inline constexpr std::chrono::milliseconds kDefaultTimeout{30'000};
inline constexpr std::chrono::milliseconds kMaxTimeout{3'600'000};

struct AdminArguments {
  std::filesystem::path socket = config::kDefaultAdminSocket;
  std::chrono::milliseconds timeout = kDefaultTimeout;
  std::chrono::milliseconds wait{0};  // of drain
};

// "250ms", "30s", "2m", or a bare number of seconds; above zero and at most kMaxTimeout.
std::optional<std::chrono::milliseconds> parse_timeout(std::string_view text);

// Prints what changed and the new generation, or every error of a config that was refused.
ExitCode reload(const AdminArguments& arguments, const Output& output);
ExitCode status(const AdminArguments& arguments, const Output& output);
// Announces the daemon's end to whoever balances load, then waits for `arguments.wait`, all of it: a load balancer
// needs that long to notice, whatever the daemon has to do. Only SIGTERM ends the daemon.
ExitCode drain(const AdminArguments& arguments, const Output& output);
// Done if the daemon is ready to serve: the health probe of an image without a shell.
ExitCode health(const AdminArguments& arguments, const Output& output);

}  // namespace gateway::ctl
