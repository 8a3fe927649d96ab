// bench_origin [STATUS]: what stands behind the gateways that are measured. Listens on a free port of 127.0.0.1, which
// it prints.
//   GET /          128 bytes
//   GET /hdr1k     128 bytes behind 1 KiB of response fields
//   GET /bytes/N   N bytes
//   POST ANY       takes the body (Content-Length only), answers with its length in 16 digits
// With STATUS other than 200 all answers have it: a measurement of them must be void.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string status_line = "HTTP/1.1 200 OK\r\n";
const std::string kBody(262144, 'b');

class Client {
 public:
  Client(int epoll, int descriptor) : epoll_(epoll), descriptor_(descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor_, &event);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(descriptor_); }

  // False when the connection is over.
  bool on_ready(std::uint32_t events) { return (events & EPOLLOUT) != 0 ? send() : receive(); }

 private:
  bool receive() {
    static std::array<char, 262144> buffer;
    const auto got = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) {
      return got < 0 && errno == EAGAIN;
    }
    return take({buffer.data(), static_cast<std::size_t>(got)});
  }

  bool take(std::string_view bytes) {
    if (!in_body_) {
      head_.append(bytes);
      const auto end = head_.find("\r\n\r\n");
      if (end == std::string::npos) {
        return head_.size() < 65536;
      }
      bytes = bytes.substr(bytes.size() - (head_.size() - end - 4));
      head_.resize(end + 2);
      body_ = length_field();
      taken_ = 0;
      in_body_ = true;
    }
    taken_ += bytes.size();
    if (taken_ > body_) {
      return false;  // nobody pipelines here
    }
    return taken_ < body_ || answer();
  }

  std::uint64_t length_field() const {
    constexpr std::string_view kName = "content-length:";
    for (auto line = head_.find("\r\n"); line != std::string::npos; line = head_.find("\r\n", line + 2)) {
      if (strncasecmp(head_.c_str() + line + 2, kName.data(), kName.size()) == 0) {
        return std::strtoull(head_.c_str() + line + 2 + kName.size(), nullptr, 10);
      }
    }
    return 0;
  }

  bool answer() {
    const std::string_view head = head_;
    std::uint64_t length = 128;
    response_ = status_line;
    std::string body;
    if (head.starts_with("POST ")) {
      std::array<char, 17> digits;
      std::snprintf(digits.data(), digits.size(), "%016llu", static_cast<unsigned long long>(taken_));
      body = digits.data();
      length = body.size();
    } else if (head.starts_with("GET /bytes/")) {
      length = std::strtoull(head_.c_str() + 11, nullptr, 10);
    } else if (head.starts_with("GET /hdr1k ")) {
      for (char name = 'A'; name < 'I'; ++name) {
        response_ += "X-Origin-" + std::string(1, name) + ": " + std::string(113, name) + "\r\n";
      }
    }
    response_ +=
        "Content-Type: application/octet-stream\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" + body;
    close_after_ = head.find("\r\nConnection: close\r\n") != std::string_view::npos ||
                   head.find("\r\nconnection: close\r\n") != std::string_view::npos;
    left_ = length - body.size();
    sent_ = 0;
    head_.clear();
    in_body_ = false;
    return send();
  }

  bool send() {
    while (sent_ < response_.size() || left_ > 0) {
      const auto body = std::min<std::uint64_t>(left_, kBody.size());
      std::array<iovec, 2> parts = {{{response_.data() + sent_, response_.size() - sent_},
                                     {const_cast<char*>(kBody.data()), static_cast<std::size_t>(body)}}};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      const auto written = sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (written < 0) {
        want_write(true);
        return errno == EAGAIN;
      }
      const auto of_head = std::min(static_cast<std::size_t>(written), response_.size() - sent_);
      sent_ += of_head;
      left_ -= static_cast<std::size_t>(written) - of_head;
    }
    want_write(false);
    return !close_after_;
  }

  void want_write(bool wanted) {
    if (wanted == wants_write_) {
      return;
    }
    wants_write_ = wanted;
    epoll_event event{};
    event.events = wanted ? EPOLLOUT : EPOLLIN;
    event.data.ptr = this;
    const int kept = errno;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor_, &event);
    errno = kept;
  }

  int epoll_;
  int descriptor_;
  std::string head_;
  bool in_body_ = false;
  std::uint64_t body_ = 0;
  std::uint64_t taken_ = 0;
  std::string response_;
  std::size_t sent_ = 0;
  std::uint64_t left_ = 0;
  bool close_after_ = false;
  bool wants_write_ = false;
};

int listen_on_a_free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listener, 4096) != 0 || getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("bench_origin");
    std::exit(2);
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

void accept_all(int epoll, int listener) {
  while (true) {
    const int descriptor = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      return;
    }
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    new Client(epoll, descriptor);  // epoll has it until main() deletes it
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (argc > 1 && std::string_view(argv[1]) != "200") {
    status_line = "HTTP/1.1 " + std::string(argv[1]) + " Other\r\n";
  }
  const int listener = listen_on_a_free_port();
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = epoll_wait(epoll, events.data(), events.size(), -1);
    for (int index = 0; index < count; ++index) {
      const auto& ready = events[static_cast<std::size_t>(index)];
      auto* client = static_cast<Client*>(ready.data.ptr);
      if (client == nullptr) {
        accept_all(epoll, listener);
      } else if (!client->on_ready(ready.events)) {
        delete client;
      }
    }
  }
}
