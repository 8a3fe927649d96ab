#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/unique_fd.h"

namespace gateway::gatewayd {

// The other end of sd_notify: a datagram socket at `address` ("@NAME" is abstract).
class ServiceManager {
 public:
  explicit ServiceManager(const std::string& address)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(static_cast<void*>(name.sun_path), address.data(), address.size());
    if (address.front() == '@') name.sun_path[0] = '\0';
    const auto size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() + (address.front() == '@' ? 0U : 1U));
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) throw std::runtime_error("bind");
  }

  // The next message; nullopt if none has come.
  std::optional<std::string> next() {
    std::array<char, 8192> bytes{};
    const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) return std::nullopt;
    return std::string(bytes.data(), static_cast<std::size_t>(size));
  }

 private:
  core::UniqueFd fd_;
};

}  // namespace gateway::gatewayd
