#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace gateway::fetch {

// A server on loopback that answers each connection, one after the other, by a script on its own thread. The
// connection is closed when the script returns.
class ScriptedServer {
 public:
  class Connection {
   public:
    Connection(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}
    // The head of the request, and what came with it.
    std::string read_head() {
      std::string head;
      while (head.find("\r\n\r\n") == std::string::npos && read_more(head)) {
      }
      return head;
    }
    bool read_more(std::string& into) {
      if (!wait(POLLIN)) return false;
      std::string buffer(16 << 10, '\0');
      const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (size <= 0) return false;
      into.append(buffer, 0, static_cast<std::size_t>(size));
      return true;
    }
    // False once the client is gone or the test is over.
    bool send(std::string_view bytes) {
      while (!bytes.empty()) {
        if (!wait(POLLOUT)) return false;
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
    // Until the client closes, or the test is over.
    void wait_for_close() {
      std::string ignored;
      while (read_more(ignored)) {
      }
    }
    void reset() {
      const linger now{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }

   private:
    bool wait(short events) {
      pollfd polled[2] = {{.fd = fd_, .events = events, .revents = 0},
                          {.fd = stop_fd_, .events = POLLIN, .revents = 0}};
      return ::poll(polled, 2, 30'000) > 0 && polled[1].revents == 0;
    }
    int fd_;
    int stop_fd_;
  };
  using Script = std::function<void(Connection&, const std::string& head)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    int pipe_fds[2] = {-1, -1};
    if (::pipe2(pipe_fds, O_CLOEXEC) != 0) std::abort();
    stop_read_ = core::UniqueFd(pipe_fds[0]);
    stop_write_ = core::UniqueFd(pipe_fds[1]);
    listener_ = core::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_.get(), 16) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    stop_write_.reset();
    thread_.join();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view target) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
  }
  [[nodiscard]] std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    for (;;) {
      pollfd polled[2] = {{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                          {.fd = stop_read_.get(), .events = POLLIN, .revents = 0}};
      if (::poll(polled, 2, -1) < 0 || polled[1].revents != 0) return;
      const core::UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) continue;
      Connection connection(client.get(), stop_read_.get());
      const std::string head = connection.read_head();
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(head);
      }
      script_(connection, head);
    }
  }

  Script script_;
  core::UniqueFd listener_;
  core::UniqueFd stop_read_;
  core::UniqueFd stop_write_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace gateway::fetch
