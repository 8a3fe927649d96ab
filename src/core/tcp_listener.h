#pragma once

#include <functional>

#include "core/event_loop.h"
#include "core/unique_fd.h"
#include "core/uv_handle.h"

namespace gateway::core {

// Watches one listening socket for its worker. The supervisor keeps a descriptor of the same socket: dying here closes
// nothing that waits in the socket's queue.
class TcpListener {
 public:
  // `on_connection` gets the handle to accept from (UvStream::accept) and must accept.
  using OnConnection = std::move_only_function<void(uv_stream_t*)>;
  explicit TcpListener(OnConnection on_connection) : on_connection_(std::move(on_connection)) {}

  // Takes `fd`, which is bound already. Status as libuv's.
  int start(EventLoop& loop, UniqueFd fd);

 private:
  static constexpr int kBacklog = 4096;
  OnConnection on_connection_;
  UvHandle<uv_tcp_t> handle_;
};

}  // namespace gateway::core
