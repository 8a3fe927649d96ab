#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/load.h"
#include "gatewayd/metrics_collector.h"
#include "gatewayd/reload_outcome.h"
#include "gatewayd/stale_items.h"
#include "proxy/worker_message.h"

// The answers of the admin socket, as JSON text with a newline. gatewayctl reads them: fields are only ever added.
namespace gateway::gatewayd {

class EmergencyRevocations;

struct StatusView {
  std::string version;
  std::chrono::seconds uptime{};
  bool ready = false;
  bool draining = false;
  const config::LoadedConfig* config = nullptr;
  std::size_t watched_files = 0;  // 0: `watch` is off
  const EmergencyRevocations* revocations = nullptr;
  const std::map<config::Item, StaleItems::Stale>* stale = nullptr;
  const ReloadOutcome* last_reload = nullptr;
  const WorkerReports* workers = nullptr;
  std::shared_ptr<const proxy::EndpointStates> endpoints;
};

std::string status_json(const StatusView& view);
std::string reload_json(const ReloadOutcome& outcome);
std::string health_json(bool ready, bool draining);
std::string error_json(std::string_view message);

}  // namespace gateway::gatewayd
