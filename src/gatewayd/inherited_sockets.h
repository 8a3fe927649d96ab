#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "proxy/snapshot.h"

namespace gateway::gatewayd {

// A listening TCP socket that the parent process, systemd for one, has opened for us.
struct InheritedSocket {
  std::string host;  // literal IP in its shortest form, without brackets
  std::uint16_t port = 0;
  core::UniqueFd fd;
};

// The descriptors of $LISTEN_FDS if $LISTEN_PID is this process (sd_listen_fds(3)), made close-on-exec; none without
// them. The variables are taken out of the environment. An error if one is no listening TCP socket: whoever passes it
// expects that it is served. To be called once, before any thread and before anything else is opened.
core::Result<std::vector<InheritedSocket>> take_inherited_sockets();

// Closes those whose address no listener has, with a warning each: a client that connects to one would wait for ever.
void drop_unwanted(std::vector<InheritedSocket>& sockets, const std::vector<proxy::Listener>& listeners);

// As InheritedSocket has it.
std::string canonical_host(const std::string& literal_ip);

}  // namespace gateway::gatewayd
