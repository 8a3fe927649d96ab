#include "gatewayd/admin_json.h"

#include <netinet/in.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/log.h"
#include "gatewayd/anchor_usage.h"
#include "gatewayd/revocation_json.h"

namespace gateway::gatewayd {
namespace {

using Json = nlohmann::ordered_json;

// Paths and names in the config need not be UTF-8; nlohmann would throw.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Json diagnostic_json(const config::Diagnostic& diagnostic) {
  return {{"file", diagnostic.file},
          {"line", diagnostic.line},
          {"column", diagnostic.column},
          {"value", diagnostic.value},
          {"message", diagnostic.message},
          {"severity", diagnostic.severity == config::Severity::error ? "error" : "warning"}};
}

Json diagnostics_json(const std::vector<config::Diagnostic>& diagnostics, config::Severity severity) {
  Json list = Json::array();
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == severity) list.push_back(diagnostic_json(diagnostic));
  }
  return list;
}

Json outcome_json(const ReloadOutcome& outcome) {
  return {{"result", to_string(outcome.result)},
          {"generation", outcome.generation},
          {"trigger", outcome.trigger},
          {"time", core::format_time(outcome.time)},
          {"changes", outcome.changes},
          {"warnings", diagnostics_json(outcome.diagnostics, config::Severity::warning)},
          {"errors", diagnostics_json(outcome.diagnostics, config::Severity::error)}};
}

std::string address_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v6 = address.ss_family == AF_INET6;
  const auto port = ntohs(v6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (v6) {
    uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(&address), text.data(), text.size());
    return '[' + std::string(text.data()) + "]:" + std::to_string(port);
  }
  uv_ip4_name(reinterpret_cast<const sockaddr_in*>(&address), text.data(), text.size());
  return std::string(text.data()) + ':' + std::to_string(port);
}

Json workers_json(const WorkerReports& reports) {
  Json list = Json::array();
  for (std::size_t i = 0; i < reports.workers.size(); ++i) {
    const auto& worker = reports.workers[i];
    list.push_back({{"index", i},
                    {"answering", worker.answered},
                    {"connections", worker.metrics->client_connections},
                    {"accepted", worker.metrics->accepted},
                    {"tunnels", worker.metrics->tunnels}});
  }
  return list;
}

// The end of the server certificate; null for a host without TLS.
Json server_certificate_end(const config::LoadedConfig& config, const std::string& host) {
  const auto found = std::ranges::find_if(config.certificates, [&](const config::CertificateInfo& certificate) {
    return certificate.virtual_host == host && certificate.kind == "server";
  });
  if (found == config.certificates.end()) return nullptr;
  return core::format_time(found->not_after);
}

Json hosts_json(const config::LoadedConfig& config) {
  Json list = Json::array();
  for (const auto& host : config.snapshot->virtual_hosts) {
    list.push_back({{"name", host.name},
                    {"hosts", host.hosts},
                    {"default", host.is_default},
                    {"client_auth", host.tls ? Json(tls::to_string(host.tls->client_auth)) : Json(nullptr)},
                    {"policy", host.policy ? Json(host.policy->name()) : Json(nullptr)},
                    {"certificate_not_after", server_certificate_end(config, host.name)}});
  }
  return list;
}

// Each trust anchor, and whether anybody still comes with a certificate under it.
Json anchors_json(const StatusView& view) {
  std::vector<std::shared_ptr<const proxy::WorkerMetrics>> workers;
  for (const auto& worker : view.workers->workers) workers.push_back(worker.metrics);
  Json list = Json::array();
  for (const auto& usage : anchor_usage(*view.config, workers)) {
    list.push_back({{"trust", usage.anchor->trust},
                    {"subject", usage.anchor->subject},
                    {"handshakes", usage.handshakes},
                    {"last_handshake", usage.last ? Json(core::format_time(*usage.last)) : Json(nullptr)},
                    {"not_after", core::format_time(usage.anchor->not_after)},
                    {"fingerprint", usage.fingerprint}});
  }
  return list;
}

Json endpoint_json(const proxy::Upstream& upstream, const proxy::Endpoint& endpoint, const StatusView& view) {
  Json addresses = Json::array();
  bool healthy = true;
  const auto state = view.endpoints->find(proxy::endpoint_key(upstream.name, endpoint.address));
  if (state != view.endpoints->end()) {
    healthy = state->second.healthy;
    for (const auto& address : state->second.addresses) addresses.push_back(address_text(address));
  }
  if (endpoint.needs_resolving && addresses.empty()) healthy = false;
  std::uint64_t idle = 0;
  std::uint64_t active = 0;
  for (const auto& worker : view.workers->workers) {
    const auto found = worker.metrics->endpoints.find({upstream.name, endpoint.address});
    if (found == worker.metrics->endpoints.end()) continue;
    idle += found->second.idle;
    active += found->second.active;
  }
  return {{"address", endpoint.address},
          {"healthy", healthy},
          {"addresses", addresses},
          {"idle", idle},
          {"active", active}};
}

Json upstreams_json(const StatusView& view) {
  Json list = Json::array();
  for (const auto& upstream : view.config->snapshot->upstreams) {
    Json endpoints = Json::array();
    for (const auto& endpoint : upstream.endpoints) endpoints.push_back(endpoint_json(upstream, endpoint, view));
    list.push_back({{"name", upstream.name}, {"endpoints", endpoints}});
  }
  return list;
}

// What is served in place of what the files hold now. `restart`: what a start would make of these files.
Json stale_json(const StatusView& view) {
  Json list = Json::array();
  if (view.stale == nullptr) return list;
  for (const auto& [item, stale] : *view.stale) {
    list.push_back({{"item", config::to_string(item.kind)},
                    {"name", item.name},
                    {"since", core::format_time(stale.since)},
                    {"alarm", stale.is_alarm},
                    {"file", stale.kept.file},
                    {"restart", stale.kept.refuses_load ? "would fail" : "would take the file"},
                    {"reason", stale.kept.reason}});
  }
  return list;
}

}  // namespace

std::string status_json(const StatusView& view) {
  const auto& snapshot = *view.config->snapshot;
  Json listeners = Json::array();
  for (const auto& listener : snapshot.listeners) {
    listeners.push_back({{"name", listener.name},
                         {"bind", listener.bind},
                         {"protocol", listener.protocol == proxy::Protocol::https ? "https" : "http"}});
  }
  return dump({{"version", view.version},
               {"generation", snapshot.generation},
               {"uptime_seconds", view.uptime.count()},
               {"ready", view.ready},
               {"draining", view.draining},
               {"config", view.config->path},
               {"watch", config::to_string(view.config->watch)},
               {"watched_files", view.watched_files},
               {"revocations", revocations_view(*view.revocations, kShownRevocations)},
               {"stale_files", stale_json(view)},
               {"last_reload", view.last_reload != nullptr ? outcome_json(*view.last_reload) : Json(nullptr)},
               {"workers", workers_json(*view.workers)},
               {"listeners", listeners},
               {"virtual_hosts", hosts_json(*view.config)},
               {"trust_anchors", anchors_json(view)},
               {"upstreams", upstreams_json(view)}});
}

std::string reload_json(const ReloadOutcome& outcome) {
  return dump(outcome_json(outcome));
}

std::string health_json(bool ready, bool draining) {
  return dump({{"ready", ready}, {"draining", draining}});
}

std::string error_json(std::string_view message) {
  return dump({{"error", message}});
}

}  // namespace gateway::gatewayd
