#pragma once
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/load/response.h"

namespace bench {

class Load;

// One client: connects when it is first asked, then sends one request at a time. Told of readiness by Load.
class Connection {
 public:
  explicit Connection(Load& load) : load_(load) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends a request whose latency counts from `due_ns`. Ends in Load::done() or Load::failed().
  void ask(std::uint64_t due_ns);

  void on_ready();

  // Says goodbye in TLS and closes; the session, if any, is kept for the next connection.
  void close();

  std::uint64_t due_ns() const { return due_ns_; }
  bool is_connected() const { return ssl_ != nullptr && SSL_is_init_finished(ssl_) == 1; }

 private:
  enum class Step { handshake, send, receive, idle };

  bool connect();
  void advance();
  bool shake_hands();
  bool check_resumption();
  bool send();
  bool receive();
  void finish();
  void fail(const std::string& kind);
  bool wait_or_fail(int result, const char* what);
  void want_write(bool wanted);

  Load& load_;
  Step step_ = Step::idle;
  int descriptor_ = -1;
  SSL* ssl_ = nullptr;
  SSL_SESSION* session_ = nullptr;
  bool offered_session_ = false;
  bool wants_write_ = false;
  std::uint64_t due_ns_ = 0;
  std::size_t sent_ = 0;
  Response response_;
};

}  // namespace bench
