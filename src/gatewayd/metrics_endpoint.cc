#include "gatewayd/metrics_endpoint.h"

#include <uv.h>

#include <utility>

#include "core/log.h"
#include "gatewayd/control_sockets.h"

namespace gateway::gatewayd {

core::Result<MetricsEndpoint::Prepared> MetricsEndpoint::prepare(
    const std::optional<config::MetricsAddress>& address) const {
  if (address == address_) return Prepared{};
  Prepared prepared{.change = true, .address = address, .socket = {}};
  if (address) {
    TRY(prepared.socket, bind_tcp(address->host, address->port));
  }
  return prepared;
}

void MetricsEndpoint::commit(Prepared prepared) {
  if (!prepared.change) return;
  server_.reset();
  address_ = std::move(prepared.address);
  if (!address_) return;
  server_ = std::make_unique<ControlHttpServer>(loop_, handler_);
  if (const int status = server_->listen(std::move(prepared.socket)); status != 0) {
    core::log_event(core::LogLevel::error, "the metrics port can't be watched", {{"detail", uv_strerror(status)}});
  }
}

}  // namespace gateway::gatewayd
