#pragma once

#include <sys/socket.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/event_loop.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// Resolves the host names of endpoints on libuv's thread pool, at once when they are new and every kResolveInterval. A
// name that can't be resolved any more keeps its last addresses. Control thread only.
class EndpointResolver {
 public:
  using Addresses = std::vector<sockaddr_storage>;  // port 0

  // `on_change` follows every look-up that changed an answer or was a name's first.
  EndpointResolver(core::EventLoop& loop, std::function<void()> on_change);
  ~EndpointResolver();
  EndpointResolver(const EndpointResolver&) = delete;
  EndpointResolver& operator=(const EndpointResolver&) = delete;

  // The names to know from now on; others are forgotten.
  void watch(const std::set<std::string>& names);
  // Every name has been looked up at least once, with whatever outcome.
  [[nodiscard]] bool all_tried() const;
  // Empty if the name is unknown or was never resolved.
  [[nodiscard]] const Addresses& find(const std::string& name) const;
  // The thread pool is busy with so many names; libuv can't end before it is done.
  [[nodiscard]] std::size_t running() const { return running_.size(); }

 private:
  struct Lookup;
  struct Name {
    Addresses addresses;
    bool tried = false;
    bool failing = false;
  };

  void look_up(const std::string& name);
  void look_up_all();
  void on_result(const std::string& name, int status, Addresses addresses);

  core::EventLoop& loop_;
  std::function<void()> on_change_;
  std::map<std::string, Name> names_;
  std::map<std::string, Lookup*> running_;  // each owned by libuv until its callback
  Timer interval_;
};

}  // namespace gateway::gatewayd
