#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "config/load.h"
#include "core/event_loop.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "gatewayd/control_http.h"

namespace gateway::gatewayd {

// The port of admin.metrics; a reload may move it. Control thread only.
class MetricsEndpoint {
 public:
  // A bound socket for another address, or the wish to close the port. Nothing has changed yet.
  struct Prepared {
    bool change = false;
    std::optional<config::MetricsAddress> address;
    core::UniqueFd socket;
  };

  MetricsEndpoint(core::EventLoop& loop, ControlHttpServer::Handler handler)
      : loop_(loop), handler_(std::move(handler)) {}

  [[nodiscard]] core::Result<Prepared> prepare(const std::optional<config::MetricsAddress>& address) const;
  void commit(Prepared prepared);

 private:
  core::EventLoop& loop_;
  ControlHttpServer::Handler handler_;
  std::optional<config::MetricsAddress> address_;
  std::unique_ptr<ControlHttpServer> server_;
};

}  // namespace gateway::gatewayd
