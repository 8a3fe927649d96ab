#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/event_loop.h"

namespace gateway::fetch {

// The addresses of one host name, asked for on libuv's thread pool. Dying cancels: the callback is not called then.
// Used on the loop's thread.
class NameLookup {
 public:
  // `status` is libuv's; addresses come with the port, each once, in the resolver's order. Never called from within
  // start().
  using Callback = std::move_only_function<void(int status, std::vector<sockaddr_storage> addresses)>;

  NameLookup() = default;
  ~NameLookup() { cancel(); }
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  // `running` counts it for as long as libuv has it. Status as libuv's.
  int start(core::EventLoop& loop, const std::string& host, std::uint16_t port,
            const std::shared_ptr<std::size_t>& running, Callback callback);
  void cancel();

  // The address if `host` is a literal (IPv6 in brackets).
  static std::vector<sockaddr_storage> literal(const std::string& host, std::uint16_t port);

 private:
  struct Request;
  Request* request_ = nullptr;  // owned by libuv until its callback
};

}  // namespace gateway::fetch
