#include "core/tcp_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace gateway::core {

int TcpListener::start(EventLoop& loop, UniqueFd fd) {
  int status = handle_.init([&](uv_tcp_t* handle) { return uv_tcp_init(loop.get(), handle); }, this);
  if (status != 0) return status;
  status = uv_tcp_open(handle_.get(), fd.get());
  if (status != 0) return status;
  // Accepted sockets inherit it. Without it the kernel takes megabytes for a client that does not read, and
  // backpressure and timeouts come into force only after that.
  const int unsent = static_cast<int>(kKernelUnsentBytes);
  static_cast<void>(setsockopt(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent)));
  static_cast<void>(fd.release());
  return uv_listen(reinterpret_cast<uv_stream_t*>(handle_.get()), kBacklog, [](uv_stream_t* server, int error) {
    auto* self = UvHandle<uv_tcp_t>::owner<TcpListener>(reinterpret_cast<uv_tcp_t*>(server));
    if (self != nullptr && error == 0) self->on_connection_(server);
  });
}

}  // namespace gateway::core
