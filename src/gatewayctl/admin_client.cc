#include "gatewayctl/admin_client.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <thread>
#include <tuple>

#include "core/result.h"
#include "pki/safe_file.h"

namespace gateway::ctl {
namespace {

using Clock = std::chrono::steady_clock;
template <typename T>
using Answer = std::expected<T, AdminFailure>;

// How long to wait before trying again to connect to a daemon whose queue of connections is full.
constexpr std::chrono::milliseconds kConnectInterval{10};

std::unexpected<AdminFailure> unreachable(std::string message) {
  return std::unexpected(AdminFailure{.kind = AdminFailure::Kind::unreachable, .message = std::move(message)});
}

std::unexpected<AdminFailure> timed_out(std::string_view what) {
  return std::unexpected(
      AdminFailure{.kind = AdminFailure::Kind::timeout, .message = fmt::format("timed out while {}", what)});
}

// Waits until `fd` is ready for `events` (an error or hang-up counts: the next call tells); false at the deadline.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

Answer<pki::FileDescriptor> connect_to(const std::filesystem::path& socket, Clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = socket.native();
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return unreachable(fmt::format("a socket's path has 1 to {} bytes", sizeof(address.sun_path) - 1));
  }
  std::memcpy(static_cast<void*>(address.sun_path), path.data(), path.size());
  pki::FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return unreachable(std::string("cannot make a socket: ") + std::strerror(errno));
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    // EAGAIN: the listener's queue is full, and a Unix socket can't be polled for a place in it.
    if (errno != EAGAIN && errno != EINTR) {
      return unreachable(std::string("gatewayd is not reachable: ") + std::strerror(errno));
    }
    if (Clock::now() >= deadline) return timed_out("connecting");
    std::this_thread::sleep_for(kConnectInterval);
  }
  return fd;
}

Answer<bool> send_all(int fd, std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, deadline)) return timed_out("sending the request");
    } else if (errno != EINTR) {
      return unreachable(std::string("the connection broke: ") + std::strerror(errno));
    }
  }
  return true;
}

// Appends what has come to `bytes`; false at the end of the stream.
Answer<bool> receive_some(int fd, std::string& bytes, Clock::time_point deadline) {
  std::array<char, 16U << 10U> chunk{};
  while (true) {
    const ssize_t count = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (count >= 0) {
      bytes.append(chunk.data(), static_cast<std::size_t>(count));
      return count > 0;
    }
    if (errno == EAGAIN) {
      if (!wait_for(fd, POLLIN, deadline)) return timed_out("waiting for the answer");
    } else if (errno != EINTR) {
      return unreachable(std::string("the connection broke: ") + std::strerror(errno));
    }
  }
}

struct Head {
  int status = 0;
  std::optional<std::size_t> content_length;
};

template <typename Integer>
std::optional<Integer> parse_digits(std::string_view text) {
  Integer value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string folded(text);
  std::ranges::transform(folded, folded.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return folded;
}

// `text` is all before the empty line, each line with its CRLF; nullopt for what is no answer to us.
std::optional<Head> parse_head(std::string_view text) {
  const std::string_view line = text.substr(0, text.find("\r\n"));
  text.remove_prefix(line.size() + 2);
  if (!line.starts_with("HTTP/1.1 ") || line.size() < 12 || (line.size() > 12 && line[12] != ' ')) return std::nullopt;
  const auto status = parse_digits<int>(line.substr(9, 3));
  if (!status || *status < 200) return std::nullopt;
  Head head{.status = *status, .content_length = {}};
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find("\r\n"));
    text.remove_prefix(field.size() + 2);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    const std::string name = lower(field.substr(0, colon));
    std::string_view value = field.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
    if (name == "transfer-encoding") return std::nullopt;
    if (name != "content-length") continue;
    if (head.content_length) return std::nullopt;
    head.content_length = parse_digits<std::size_t>(value);
    if (!head.content_length) return std::nullopt;
  }
  return head;
}

Answer<AdminResponse> receive_answer(int fd, Clock::time_point deadline) {
  const auto no_answer = [] { return unreachable("what answers there is not gatewayd"); };
  std::string bytes;
  std::size_t end = std::string::npos;
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    if (bytes.size() > kMaxAdminHeadBytes) return no_answer();
    TRY(const bool more, receive_some(fd, bytes, deadline));
    if (!more) return unreachable("gatewayd closed the connection before it answered");
  }
  const auto head = parse_head(std::string_view(bytes).substr(0, end + 2));
  if (!head || head->content_length.value_or(0) > kMaxAdminBodyBytes) return no_answer();
  bytes.erase(0, end + 4);
  while (!head->content_length || bytes.size() < *head->content_length) {
    if (bytes.size() > kMaxAdminBodyBytes) return no_answer();
    TRY(const bool more, receive_some(fd, bytes, deadline));
    if (more) continue;
    if (!head->content_length) break;
    return unreachable("gatewayd closed the connection in the middle of its answer");
  }
  if (head->content_length && bytes.size() != *head->content_length) return no_answer();
  return AdminResponse{.status = head->status, .body = std::move(bytes)};
}

}  // namespace

Answer<AdminResponse> call_admin(const std::filesystem::path& socket, std::string_view method, std::string_view target,
                                 Clock::time_point deadline, std::string_view body) {
  TRY(const pki::FileDescriptor fd, connect_to(socket, deadline));
  const std::string request =
      fmt::format("{} {} HTTP/1.1\r\nHost: gatewayd\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", method,
                  target, body.size(), body);
  TRY(std::ignore, send_all(fd.get(), request, deadline));
  return receive_answer(fd.get(), deadline);
}

}  // namespace gateway::ctl
