#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "core/log_sink.h"
#include "gatewayd/control_http.h"
#include "gatewayd/crl_report.h"
#include "gatewayd/emergency_revocations.h"
#include "gatewayd/endpoint_monitor.h"
#include "gatewayd/file_rotation.h"
#include "gatewayd/metric_family.h"
#include "gatewayd/metrics_collector.h"
#include "gatewayd/reloader.h"
#include "gatewayd/staple_report.h"
#include "tls/session_cache.h"

namespace gateway::gatewayd {

struct OcspReport;  // gatewayd/ocsp_report.h

// What the admin socket and the metrics port answer. Control thread only.
class ControlRoutes {
 public:
  // All of it outlives the routes.
  struct Parts {
    Reloader& reloader;
    MetricsCollector& collector;
    EndpointMonitor& endpoints;
    const core::LogSink& access_log;
    EmergencyRevocations& revocations;
    const OcspReport& ocsp;
    const FileRotation& rotation;
    const std::shared_ptr<const CrlSourceStates>& crls;
    const std::shared_ptr<const StapleStates>& staples;
    const tls::SessionCache& sessions;
    const bool& draining;
    std::function<void()> announce_drain;
  };
  explicit ControlRoutes(Parts parts) : parts_(std::move(parts)) {}

  // POST /reload, /drain, /revoke, /unrevoke, GET /status, /health, /version, /revocations.
  void admin(const HttpRequest& request, Responder respond);
  // GET /metrics, /healthz, /readyz.
  void metrics(const HttpRequest& request, Responder respond);

 private:
  void reload(Responder respond);
  void revoke(const HttpRequest& request, Responder respond);
  void status(Responder respond);
  void scrape(Responder respond);
  void liveness(Responder respond);
  [[nodiscard]] HttpResponse readiness() const;
  [[nodiscard]] bool ready() const { return parts_.reloader.is_serving() && !parts_.draining; }

  Parts parts_;
  SeriesLimit series_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace gateway::gatewayd
