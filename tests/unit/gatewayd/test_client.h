#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "core/event_loop.h"
#include "core/unique_fd.h"

namespace gateway::gatewayd {

// A non-blocking client of a Unix socket whose server runs on the loop of the same thread.
class TestClient {
 public:
  TestClient(core::EventLoop& loop, const std::string& path)
      : loop_(loop), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    std::signal(SIGPIPE,
                SIG_IGN);  // as the daemon does: the server of this process may write to a client that has gone
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  // Sends all of it, turning the loop as long as the server has to read.
  bool send(std::string_view bytes) {
    for (int turns = 0; turns < kTurns && !bytes.empty(); ++turns) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN) return false;
      turn();
    }
    return bytes.empty();
  }
  void end() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  // Everything until the server closes.
  std::string read_all() {
    std::string all;
    for (int turns = 0; turns < kTurns; ++turns) {
      std::string buffer(64 << 10, '\0');
      const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (size == 0) return all;
      if (size < 0 && errno != EAGAIN) return all + "(reset)";
      if (size > 0) all.append(buffer, 0, static_cast<std::size_t>(size));
      turn();
    }
    return all + "(still open)";
  }
  void turn() { uv_run(loop_.get(), UV_RUN_NOWAIT); }

 private:
  static constexpr int kTurns = 2'000'000;
  core::EventLoop& loop_;
  core::UniqueFd fd_;
  bool connected_ = false;
};

}  // namespace gateway::gatewayd
