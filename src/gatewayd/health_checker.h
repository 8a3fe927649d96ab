#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/event_loop.h"
#include "gatewayd/health_probe.h"
#include "gatewayd/health_state.h"
#include "gatewayd/timer.h"
#include "proxy/snapshot.h"

namespace gateway::gatewayd {

// Probes the endpoints of upstreams that have a health_check. Control thread only.
class HealthChecker {
 public:
  // The addresses of an endpoint as they are known now; empty: unresolved.
  using Resolve = std::function<std::vector<sockaddr_storage>(const proxy::Endpoint&)>;
  // `on_change` is called after every changed verdict.
  HealthChecker(core::EventLoop& loop, Resolve resolve, std::function<void()> on_change);
  ~HealthChecker();

  // The upstreams to look after from now on. The state of an endpoint that stays (by upstream and address) is kept.
  void watch(const std::vector<proxy::Upstream>& upstreams);
  // True for endpoints that are not probed.
  [[nodiscard]] bool healthy(const std::string& endpoint_key) const;

 private:
  struct Check;
  void probe(Check& check);
  void on_result(Check& check, bool success, const std::string& detail);

  core::EventLoop& loop_;
  Resolve resolve_;
  std::function<void()> on_change_;
  std::map<std::string, std::unique_ptr<Check>> checks_;  // by proxy::endpoint_key()
};

}  // namespace gateway::gatewayd
