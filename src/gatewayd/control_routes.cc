#include "gatewayd/control_routes.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "gatewayd/admin_json.h"
#include "gatewayd/metrics_text.h"
#include "gatewayd/revocation_json.h"
#include "tls/library_version.h"
#include "version/build_info.h"
#include "version/version_report.h"

namespace gateway::gatewayd {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kExposition = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse json(unsigned status, std::string body) {
  return {.status = status, .body = std::move(body)};
}
HttpResponse plain(unsigned status, std::string body, std::string_view type = kPlain) {
  return {.status = status, .content_type = std::string(type), .body = std::move(body)};
}

unsigned status_of(ReloadResult result) {
  switch (result) {
    case ReloadResult::reloaded:
      return 200;
    case ReloadResult::refused:
      return 422;
    case ReloadResult::timeout:
      break;
  }
  return 504;
}

unsigned status_of(RevocationResult result) {
  switch (result) {
    case RevocationResult::done:
      return 200;
    case RevocationResult::refused:
      return 422;
    case RevocationResult::unknown:
      return 404;
    case RevocationResult::unsaved:
      return 500;
    case RevocationResult::timeout:
      break;
  }
  return 504;
}

bool is_read(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

}  // namespace

void ControlRoutes::admin(const HttpRequest& request, Responder respond) {
  constexpr std::array<std::string_view, 4> kChanges{"/reload", "/drain", "/revoke", "/unrevoke"};
  constexpr std::array<std::string_view, 4> kViews{"/status", "/health", "/version", "/revocations"};
  if (std::ranges::find(kChanges, request.path) != kChanges.end()) {
    if (request.method != "POST") return respond(json(405, error_json(request.path + " takes POST")));
    if (request.path == "/reload") return reload(std::move(respond));
    if (request.path != "/drain") return revoke(request, std::move(respond));
    parts_.announce_drain();
    return respond(json(200, health_json(ready(), parts_.draining)));
  }
  if (std::ranges::find(kViews, request.path) == kViews.end()) {
    return respond(json(404, error_json("there are POST /reload, /drain, /revoke and /unrevoke, GET /status, /health, "
                                        "/version and /revocations")));
  }
  if (!is_read(request)) return respond(json(405, error_json(request.path + " takes GET")));
  if (request.path == "/revocations") return respond(json(200, revocations_json(parts_.revocations)));
  if (request.path == "/status") return status(std::move(respond));
  if (request.path == "/version") return respond(json(200, version::to_json("gatewayd", version::daemon_components())));
  respond(json(ready() ? 200 : 503, health_json(ready(), parts_.draining)));
}

void ControlRoutes::metrics(const HttpRequest& request, Responder respond) {
  const bool known = request.path == "/metrics" || request.path == "/healthz" || request.path == "/readyz";
  if (!known) return respond(plain(404, "There are /metrics, /healthz and /readyz.\n"));
  if (!is_read(request)) return respond(plain(405, "Only GET.\n"));
  if (request.path == "/metrics") return scrape(std::move(respond));
  if (request.path == "/healthz") return liveness(std::move(respond));
  respond(readiness());
}

void ControlRoutes::reload(Responder respond) {
  parts_.reloader.reload("admin", [respond = std::move(respond)](const ReloadOutcome& outcome) mutable {
    respond(json(status_of(outcome.result), reload_json(outcome)));
  });
}

void ControlRoutes::revoke(const HttpRequest& request, Responder respond) {
  // Before that no worker could confirm it.
  if (!parts_.reloader.is_serving()) return respond(json(503, error_json("the daemon is starting")));
  auto entry = entry_from_json(request.body);
  if (!entry) return respond(json(422, error_json(entry.error().detail)));
  const bool remove = request.path == "/unrevoke";
  auto warnings = remove ? std::vector<std::string>() : revocation_warnings(*entry, *parts_.reloader.current());
  auto done = [this, warnings = std::move(warnings),
               respond = std::move(respond)](const RevocationOutcome& outcome) mutable {
    respond(json(status_of(outcome.result), revocation_json(outcome, parts_.revocations, warnings)));
  };
  if (remove) return parts_.revocations.remove(*entry, std::move(done));
  parts_.revocations.add(std::move(*entry), std::move(done));
}

void ControlRoutes::status(Responder respond) {
  parts_.collector.collect([this, respond = std::move(respond)](const WorkerReports& reports) mutable {
    if (parts_.reloader.current() == nullptr) return respond(json(503, error_json("the daemon is starting")));
    const auto uptime = std::chrono::steady_clock::now() - started_;
    respond(json(200, status_json({.version = std::string(version::own_version()),
                                   .uptime = std::chrono::duration_cast<std::chrono::seconds>(uptime),
                                   .ready = ready(),
                                   .draining = parts_.draining,
                                   .config = parts_.reloader.current(),
                                   .watched_files = parts_.rotation.watcher().file_count(),
                                   .revocations = &parts_.revocations,
                                   .stale = &parts_.rotation.stale().all(),
                                   .last_reload = &parts_.reloader.last(),
                                   .workers = &reports,
                                   .endpoints = parts_.endpoints.states()})));
  });
}

void ControlRoutes::scrape(Responder respond) {
  parts_.collector.collect([this, respond = std::move(respond)](const WorkerReports& reports) mutable {
    if (parts_.reloader.current() == nullptr) return respond(plain(503, "starting\n"));
    const auto& last = parts_.reloader.last();
    MetricsInput input{.workers = {},
                       .config = parts_.reloader.current(),
                       .endpoints = parts_.endpoints.states(),
                       .crls = parts_.crls,
                       .staples = parts_.staples,
                       .sessions = parts_.sessions.stats(),
                       .last_reload_success = last.result == ReloadResult::reloaded,
                       .last_reload_time = last.time,
                       .reloads = parts_.reloader.counts(),
                       .stale = &parts_.rotation.stale(),
                       .draining = parts_.draining,
                       .revocations = parts_.revocations.entries().size(),
                       .revocations_saved = parts_.revocations.is_saved(),
                       .ocsp = parts_.ocsp,
                       .dropped_log_lines = parts_.access_log.dropped_lines(),
                       .process = read_process_stats(),
                       .version = std::string(version::own_version()),
                       .openssl = tls::running_openssl_version()};
    for (const auto& worker : reports.workers) {
      input.workers.push_back(worker.metrics);
      if (worker.answered) ++input.workers_answering;
    }
    respond(plain(200, metrics_text(input, series_), kExposition));
  });
}

void ControlRoutes::liveness(Responder respond) {
  parts_.collector.collect([respond = std::move(respond)](const WorkerReports& reports) mutable {
    if (reports.all_answered()) return respond(plain(200, "ok\n"));
    std::string stuck;
    for (std::size_t i = 0; i < reports.workers.size(); ++i) {
      if (!reports.workers[i].answered) stuck += "worker " + std::to_string(i) + " does not answer\n";
    }
    respond(plain(503, std::move(stuck)));
  });
}

HttpResponse ControlRoutes::readiness() const {
  if (parts_.draining) return plain(503, "draining\n");
  if (!parts_.reloader.is_serving()) return plain(503, "starting\n");
  return plain(200, "ready\n");
}

}  // namespace gateway::gatewayd
