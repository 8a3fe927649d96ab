#include "bench/load/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "bench/load/load.h"

namespace bench {

void Connection::ask(std::uint64_t due_ns) {
  due_ns_ = due_ns;
  sent_ = 0;
  response_.reset();
  if (ssl_ == nullptr) {
    if (!connect()) {
      fail("connect");
      return;
    }
    step_ = Step::handshake;
  } else {
    step_ = Step::send;
  }
  advance();
}

// On the loopback a connect ends at once, so it may block.
bool Connection::connect() {
  load_.tally().connection();
  descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(load_.options().port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (descriptor_ < 0 || ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      fcntl(descriptor_, F_SETFL, O_NONBLOCK) != 0) {
    return false;
  }
  const bool resume = load_.options().mode == Mode::resume;
  offered_session_ = resume && session_ != nullptr;
  ssl_ = load_.tls().connect(descriptor_, offered_session_ ? session_ : nullptr, resume ? &session_ : nullptr);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = this;
  wants_write_ = false;
  return epoll_ctl(load_.epoll(), EPOLL_CTL_ADD, descriptor_, &event) == 0;
}

void Connection::on_ready() {
  if (step_ != Step::idle) {
    advance();
    return;
  }
  // A connection that nothing was asked of: session tickets are fine, the end is not.
  char byte = 0;
  if (const int got = SSL_read(ssl_, &byte, 1); got > 0 || SSL_get_error(ssl_, got) != SSL_ERROR_WANT_READ) {
    fail("idle connection ended");
  }
}

void Connection::advance() {
  if (step_ == Step::handshake && !shake_hands()) {
    return;
  }
  if (step_ == Step::send && !send()) {
    return;
  }
  if (step_ == Step::receive && receive()) {
    finish();
  }
}

bool Connection::shake_hands() {
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) {
    return wait_or_fail(result, "handshake");
  }
  if (!check_resumption()) {
    return false;
  }
  step_ = Step::send;
  return true;
}

bool Connection::check_resumption() {
  const bool resumed = SSL_session_reused(ssl_) == 1;
  if (resumed != offered_session_) {
    fail(resumed ? "resumed unasked" : "not resumed");
    return false;
  }
  if (load_.options().tls != (SSL_version(ssl_) == TLS1_3_VERSION ? "1.3" : "1.2")) {
    fail("other TLS version");
    return false;
  }
  load_.tally().handshake(resumed);
  return true;
}

bool Connection::send() {
  const std::string& request = load_.request();
  while (sent_ < request.size()) {
    const int written = SSL_write(ssl_, request.data() + sent_, static_cast<int>(request.size() - sent_));
    if (written <= 0) {
      return wait_or_fail(written, "send");
    }
    sent_ += static_cast<std::size_t>(written);
  }
  want_write(false);
  step_ = Step::receive;
  return true;
}

// True when the response is complete.
bool Connection::receive() {
  static std::array<char, 131072> buffer;
  while (true) {
    const int got = SSL_read(ssl_, buffer.data(), buffer.size());
    if (got <= 0) {
      return wait_or_fail(got, "receive");
    }
    const auto state = response_.take({buffer.data(), static_cast<std::size_t>(got)});
    if (state == Response::State::malformed) {
      fail("malformed response");
      return false;
    }
    if (state == Response::State::complete) {
      return true;
    }
  }
}

void Connection::finish() {
  if (response_.status() != 200) {
    fail("status " + std::to_string(response_.status()));
    return;
  }
  if (response_.length() != load_.options().expect) {
    fail("body of another length");
    return;
  }
  step_ = Step::idle;
  if (load_.options().mode == Mode::resume && session_ == nullptr) {
    fail("no session given");
    return;
  }
  if (load_.options().mode == Mode::full || load_.options().mode == Mode::resume) {
    close();
  }
  load_.done(*this);
}

void Connection::fail(const std::string& kind) {
  close();
  load_.failed(*this, kind);
}

// Always false: the step is not done yet, or never will be.
bool Connection::wait_or_fail(int result, const char* what) {
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    want_write(error == SSL_ERROR_WANT_WRITE);
    return false;
  }
  const char* reason = error == SSL_ERROR_SSL ? ERR_reason_error_string(ERR_peek_error()) : nullptr;
  fail(std::string(what) + ": " + (reason != nullptr ? reason : "connection ended"));
  return false;
}

void Connection::want_write(bool wanted) {
  if (wanted == wants_write_) {
    return;
  }
  wants_write_ = wanted;
  epoll_event event{};
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = this;
  epoll_ctl(load_.epoll(), EPOLL_CTL_MOD, descriptor_, &event);
}

void Connection::close() {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_) == 1) {
      SSL_shutdown(ssl_);
    }
    SSL_free(ssl_);
    ssl_ = nullptr;
  }
  ERR_clear_error();
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    descriptor_ = -1;
  }
  step_ = Step::idle;
}

}  // namespace bench
