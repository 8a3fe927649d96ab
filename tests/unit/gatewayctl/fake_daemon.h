#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "pki/safe_file.h"

namespace gateway::ctl {

// A Unix socket in a folder of its own that answers one connection with fixed bytes once the request's head has come,
// and then closes it; or keeps silent.
class FakeDaemon {
 public:
  enum class Mood { answers, silent };

  explicit FakeDaemon(std::string answer, Mood mood = Mood::answers) : answer_(std::move(answer)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gateway-ctl-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder for a test");
    folder_ = pattern;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(static_cast<void*>(address.sun_path), socket().c_str(), socket().native().size());
    listener_ = pki::FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_.get(), 8) != 0) {
      throw std::runtime_error("cannot listen in a test");
    }
    if (mood == Mood::answers) thread_ = std::jthread([this] { serve(); });
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;
  ~FakeDaemon() {
    // Wakes an accept that nobody came for.
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::filesystem::path socket() const { return folder_ / "admin.sock"; }
  // What the client sent; waits for the exchange to end.
  const std::string& request() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  void serve() {
    const pki::FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) return;
    std::array<char, 4096> chunk{};
    while (request_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = ::recv(client.get(), chunk.data(), chunk.size(), 0);
      if (count <= 0) return;
      request_.append(chunk.data(), static_cast<std::size_t>(count));
    }
    std::string_view left = answer_;
    while (!left.empty()) {
      const ssize_t count = ::send(client.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      left.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  std::filesystem::path folder_;
  std::string answer_;
  std::string request_;
  pki::FileDescriptor listener_;
  std::jthread thread_;
};

// An HTTP answer with a Content-Length.
inline std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace gateway::ctl
