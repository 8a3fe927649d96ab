#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/event_loop.h"
#include "core/limits.h"
#include "core/tcp_listener.h"
#include "core/unique_fd.h"

namespace gateway::gatewayd {

struct HttpRequest {
  std::string method;
  std::string path;   // without the query
  std::string query;  // without "?"
  std::string body;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
};

class ControlConnection;

// Answers one request, once, now or later. Answering a client that has gone away does nothing.
class Responder {
 public:
  explicit Responder(std::weak_ptr<ControlConnection> connection) : connection_(std::move(connection)) {}
  void operator()(HttpResponse response);

 private:
  std::weak_ptr<ControlConnection> connection_;
};

// A small HTTP/1.1 server for the admin socket and the metrics port: one request a connection, everything bounded.
// Lives on the control loop and is used on its thread; dying closes the listener and all connections.
class ControlHttpServer {
 public:
  struct Limits {
    std::size_t request_bytes = 64U << 10U;     // request line, fields and body together
    std::size_t connections = 64;               // more are closed at once
    core::Milliseconds request_time{30'000};    // until the request is complete
    core::Milliseconds response_time{120'000};  // until it is answered: a reload may wait for others
    core::Milliseconds linger_time{2'000};      // until the client has read the answer and closed
  };
  using Handler = std::function<void(HttpRequest, Responder)>;

  ControlHttpServer(core::EventLoop& loop, Handler handler) : ControlHttpServer(loop, std::move(handler), Limits{}) {}
  ControlHttpServer(core::EventLoop& loop, Handler handler, Limits limits);
  ~ControlHttpServer();
  ControlHttpServer(const ControlHttpServer&) = delete;
  ControlHttpServer& operator=(const ControlHttpServer&) = delete;

  // Takes a bound stream socket, TCP or Unix. Status as libuv's.
  int listen(core::UniqueFd socket);
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  friend class ControlConnection;
  void on_connection(uv_stream_t* server);
  void forget(ControlConnection& connection);

  core::EventLoop& loop_;
  Handler handler_;
  Limits limits_;
  core::TcpListener listener_;
  std::vector<std::shared_ptr<ControlConnection>> connections_;
};

}  // namespace gateway::gatewayd
