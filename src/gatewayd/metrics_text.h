#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/load.h"
#include "gatewayd/crl_report.h"
#include "gatewayd/ocsp_report.h"
#include "gatewayd/process_stats.h"
#include "gatewayd/reload_outcome.h"
#include "gatewayd/stale_items.h"
#include "gatewayd/staple_report.h"
#include "proxy/snapshot.h"
#include "proxy/worker_message.h"
#include "proxy/worker_metrics.h"
#include "tls/session_cache.h"

namespace gateway::gatewayd {

class SeriesLimit;

// Everything that /metrics tells. docs/metrics.md describes each name.
struct MetricsInput {
  std::vector<std::shared_ptr<const proxy::WorkerMetrics>> workers;
  std::size_t workers_answering = 0;             // within the time of this scrape
  const config::LoadedConfig* config = nullptr;  // what is served now
  std::shared_ptr<const proxy::EndpointStates> endpoints;
  std::shared_ptr<const CrlSourceStates> crls;  // null: there are none
  std::shared_ptr<const StapleStates> staples;  // null: there are none
  tls::SessionCache::Stats sessions;
  bool last_reload_success = true;
  std::chrono::system_clock::time_point last_reload_time;
  ReloadCounts reloads;
  const StaleItems* stale = nullptr;  // null: files are not watched
  bool draining = false;              // announced, or under way
  std::size_t revocations = 0;        // by gatewayctl revoke
  bool revocations_saved = true;      // all of them are on disk
  OcspReport ocsp;                    // of the status thread
  std::uint64_t dropped_log_lines = 0;
  ProcessStats process;
  std::string version;
  std::string openssl;
};

// Prometheus' text format 0.0.4.
std::string metrics_text(const MetricsInput& input, SeriesLimit& limit);

}  // namespace gateway::gatewayd
