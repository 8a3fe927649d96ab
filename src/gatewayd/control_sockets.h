#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace gateway::gatewayd {

// A bound, non-blocking TCP socket for a service of the control thread. `host` is a literal IP without brackets.
core::Result<core::UniqueFd> bind_tcp(const std::string& host, std::uint16_t port);

// The admin socket: bound and listening, its file has mode 0600 from its first moment and is removed by the destructor
// if it is still ours. Makes the parent folder (0755) if there is none. A socket file that nobody answers on is
// replaced; one that somebody answers on, or a file that is no socket, is an error.
class AdminSocket {
 public:
  static core::Result<AdminSocket> open(const std::string& path);
  AdminSocket(AdminSocket&& other) noexcept;
  AdminSocket& operator=(AdminSocket&&) = delete;
  ~AdminSocket();

  // The listening socket, once.
  core::UniqueFd take() { return std::move(fd_); }

 private:
  AdminSocket(std::string path, core::UniqueFd fd, std::uint64_t device, std::uint64_t inode)
      : path_(std::move(path)), fd_(std::move(fd)), device_(device), inode_(inode) {}

  std::string path_;  // "" once moved from
  core::UniqueFd fd_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

}  // namespace gateway::gatewayd
