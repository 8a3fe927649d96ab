#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/event_loop.h"
#include "gatewayd/endpoint_resolver.h"
#include "gatewayd/health_checker.h"
#include "gatewayd/timer.h"
#include "proxy/snapshot.h"
#include "proxy/worker_message.h"

namespace gateway::gatewayd {

// What the control thread knows of endpoints: their addresses and their health, for the workers. Control thread only.
class EndpointMonitor {
 public:
  // A generation waits so long for the addresses of its new names, then goes on without them.
  static constexpr core::Milliseconds kFirstLookupTime{3'000};

  // `publish` gets the states whenever they change.
  EndpointMonitor(core::EventLoop& loop, std::function<void(std::shared_ptr<const proxy::EndpointStates>)> publish);

  // The next generation's endpoints are looked up beside today's. `ready` is called once, later or from within: when
  // each name has been tried, or the time is over. One at a time.
  void prepare(std::shared_ptr<const proxy::Snapshot> next, std::move_only_function<void()> ready);
  // That generation is today's; what only the one before had is forgotten.
  void commit();
  // Today's generation with other TLS files: the endpoints are the same, and so is what is known of them.
  void replace(std::shared_ptr<const proxy::Snapshot> same_endpoints);

  [[nodiscard]] std::shared_ptr<const proxy::EndpointStates> states() const { return states_; }
  [[nodiscard]] std::size_t running_lookups() const { return resolver_.running(); }

 private:
  [[nodiscard]] std::vector<sockaddr_storage> addresses_of(const proxy::Endpoint& endpoint) const;
  void watch_names();
  void on_change();
  void check_ready();
  // True if they differ from those before.
  bool rebuild_states();

  std::function<void(std::shared_ptr<const proxy::EndpointStates>)> publish_;
  std::shared_ptr<const proxy::Snapshot> current_;
  std::shared_ptr<const proxy::Snapshot> next_;
  std::move_only_function<void()> ready_;
  std::shared_ptr<const proxy::EndpointStates> states_;
  EndpointResolver resolver_;
  HealthChecker health_;
  Timer first_lookup_;
};

}  // namespace gateway::gatewayd
