#include "config/snapshot_builder.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <thread>
#include <unordered_map>
#include <utility>

#include "config/accepted.h"
#include "config/certificate_chains.h"
#include "config/checks.h"
#include "config/host_inputs.h"
#include "config/quote.h"
#include "config/summary.h"
#include "config/ticket_key_files.h"
#include "config/tls_material.h"
#include "config/trust_material.h"
#include "proxy/forwarding_headers.h"

namespace gateway::config {
namespace {

using Policies = std::unordered_map<std::string, std::shared_ptr<const policy::RuleSet>>;
using UpstreamIndices = std::unordered_map<std::string, std::uint32_t>;

core::Timeouts merged(core::Timeouts base, const TimeoutsConfig& own) {
  base.handshake = own.handshake.value_or(base.handshake);
  base.request_headers = own.request_headers.value_or(base.request_headers);
  base.body_idle = own.body_idle.value_or(base.body_idle);
  base.keep_alive = own.keep_alive.value_or(base.keep_alive);
  base.upstream_connect = own.upstream_connect.value_or(base.upstream_connect);
  base.upstream_response = own.upstream_response.value_or(base.upstream_response);
  base.drain = own.drain.value_or(base.drain);
  return base;
}

proxy::ForwardingOptions merged(proxy::ForwardingOptions base, const ForwardingConfig& own) {
  base.x_forwarded = own.x_forwarded.value_or(base.x_forwarded);
  base.x_request_id = own.x_request_id.value_or(base.x_request_id);
  base.forwarded = own.forwarded.value_or(base.forwarded);
  base.via = own.via.value_or(base.via);
  return base;
}

// Where in the config a policy's error stands.
Text place_of(const PolicyConfig& policy, const policy::SpecError& error) {
  if (error.rule >= policy.places.size()) return policy.name;
  const RulePlace& rule = policy.places[error.rule];
  if (error.condition >= rule.when.size()) return {policy.spec.rules[error.rule].name, rule.at};
  const ConditionPlace& condition = rule.when[error.condition];
  if (error.pattern >= condition.patterns.size()) return {"", condition.at};
  return condition.patterns[error.pattern];
}

class Builder {
 public:
  Builder(std::shared_ptr<const Config> config, FileReader& files, LoadMemory& memory, std::chrono::sys_seconds now,
          DiagnosticSink& sink)
      : shared_config_(std::move(config)),
        config_(*shared_config_),
        files_(files),
        sink_(sink),
        chains_(files, sink, now, &memory.files),
        crls_(files, *memory.crls, files.absolute(config_.state_directory->value), now),
        crl_cache_(memory.crls),
        trust_(crls_, chains_, sink, now),
        material_(files, chains_, trust_, sink, config_.pkcs11_module, &memory.files) {}

  std::optional<LoadedConfig> build(std::uint64_t generation) {
    auto snapshot = std::make_shared<proxy::Snapshot>();
    snapshot->generation = generation;
    check_names(config_, sink_);
    check_listeners(config_, sink_);
    check_client_auth(config_, sink_);
    add_settings(*snapshot);
    add_listeners(*snapshot);
    add_upstreams(*snapshot);
    for (const PolicyConfig& policy : config_.policies) compile(policy);
    for (const TrustConfig& trust : config_.trust) trust_.load(trust);
    for (const VirtualHostConfig& host : config_.virtual_hosts) add_virtual_host(host, *snapshot);
    add_protected_fields(*snapshot);

    LoadedConfig loaded;
    loaded.workers =
        config_.workers.value_or(std::clamp(std::thread::hardware_concurrency(), 1U, kMostAutomaticWorkers));
    loaded.admin = admin_options();
    loaded.state_directory = files_.absolute(config_.state_directory->value);
    loaded.watch = config_.watch;
    loaded.ticket_keys = load_ticket_keys(config_.session, files_, sink_);
    const bool in_process = config_.session.chosen_store() == tls::SessionStore::process;
    loaded.session_capacity = in_process ? config_.session.capacity : 0;
    if (sink_.has_errors()) return std::nullopt;
    loaded.certificates = material_.take_certificates();
    loaded.anchors = trust_.anchors_of(config_.trust);
    loaded.crl_sources = trust_.crl_sources(config_.trust);
    for (const PolicyConfig& policy : config_.policies) loaded.policies.emplace_back(shared_config_, &policy.spec);
    loaded.summary = summarise(*snapshot, trust_.summary(), compiled_);
    if (loaded.ticket_keys) {
      loaded.summary.push_back(fmt::format("session tickets: {} key file(s)", config_.session.ticket_keys.size()));
    }
    loaded.snapshot = std::move(snapshot);
    std::unordered_map<std::string, core::Sha256> host_inputs;
    for (const VirtualHostConfig& host : config_.virtual_hosts) {
      if (host.tls) host_inputs.emplace(host.name.value, inputs_of(host, config_.pkcs11_module, files_));
    }
    loaded.accepted = std::make_shared<const Accepted>(Accepted{.file = files_.config_file(),
                                                                .config = shared_config_,
                                                                .trust = trust_.take(),
                                                                .crls = crl_cache_,
                                                                .host_inputs = std::move(host_inputs)});
    return loaded;
  }

 private:
  static constexpr unsigned kMostAutomaticWorkers = 256;

  void add_settings(proxy::Snapshot& snapshot) {
    snapshot.timeouts = merged(core::Timeouts{}, config_.timeouts);
    snapshot.limits = config_.limits;
    snapshot.trusted_proxies = config_.trusted_proxies;
    snapshot.access_log = {.path = config_.access_log.path.value, .format = config_.access_log.format};
    if (snapshot.access_log.path != "off" && snapshot.access_log.path != "stdout") {
      snapshot.access_log.path = files_.absolute(snapshot.access_log.path);
    }
  }

  void add_listeners(proxy::Snapshot& snapshot) {
    auto tables = build_host_tables(config_, sink_);
    const auto first_https = std::ranges::find(config_.listeners, proxy::Protocol::https, &ListenerConfig::protocol);
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const ListenerConfig& listener = config_.listeners[i];
      proxy::Listener built;
      built.name = listener.name.value;
      built.bind = listener.bind.value;
      built.address = listener.address.host;
      built.port = listener.address.port;
      built.protocol = listener.protocol;
      built.redirect_to_https = listener.redirect_to_https;
      if (first_https != config_.listeners.end()) built.redirect_port = first_https->address.port;
      built.hosts = std::move(tables[i]);
      snapshot.listeners.push_back(std::move(built));
    }
  }

  void add_upstreams(proxy::Snapshot& snapshot) {
    for (const UpstreamConfig& upstream : config_.upstreams) {
      upstream_indices_.emplace(upstream.name.value, static_cast<std::uint32_t>(snapshot.upstreams.size()));
      proxy::Upstream built{.name = upstream.name.value,
                            .endpoints = {},
                            .max_idle = upstream.max_idle,
                            .retries = upstream.retries,
                            .health_check = upstream.health_check};
      for (const EndpointConfig& endpoint : upstream.endpoints) {
        built.endpoints.push_back(endpoint.endpoint);
        std::string& path = built.endpoints.back().unix_path;
        if (!path.empty()) path = socket_path({path, endpoint.at});
      }
      snapshot.upstreams.push_back(std::move(built));
    }
  }

  std::string socket_path(const Text& path) {
    std::string full = files_.absolute(path.value);
    if (full.size() >= sizeof(sockaddr_un::sun_path)) {
      sink_.error(path.at, path.value,
                  fmt::format("expected the path of a socket of at most {} bytes, found {} ({} bytes)",
                              sizeof(sockaddr_un::sun_path) - 1, in_quotes(full), full.size()));
    }
    return full;
  }

  AdminOptions admin_options() {
    const Text& socket = *config_.admin.socket;
    return {.socket = socket.value.empty() ? std::string() : socket_path(socket), .metrics = config_.admin.metrics};
  }

  void compile(const PolicyConfig& policy) {
    auto compiled = policy::RuleSet::compile(policy.spec);
    if (compiled) {
      warn_of_cost(policy, (*compiled)->stats());
      compiled_.push_back(*compiled);
      policies_.emplace(policy.name.value, std::move(*compiled));
      return;
    }
    for (const policy::SpecError& error : compiled.error()) {
      const Text place = place_of(policy, error);
      sink_.error(place.at, place.value, error.message);
    }
  }

  // Of what makes a request dearer the longer the policy gets.
  void warn_of_cost(const PolicyConfig& policy, const policy::RuleSetStats& stats) {
    constexpr std::size_t kMany = 500;
    if (stats.scanned + stats.most_alike < kMany) return;
    sink_.warning(
        policy.name.at, policy.name.value,
        fmt::format("policy {}: one request may need up to {} rules to be looked at one by one: {} have no "
                    "exact condition, and {} have all of theirs in common; tell them apart by exact "
                    "conditions, or let expressions share a rule",
                    in_quotes(policy.name.value), stats.scanned + stats.most_alike, stats.scanned, stats.most_alike));
  }

  void add_virtual_host(const VirtualHostConfig& host, proxy::Snapshot& snapshot) {
    proxy::VirtualHost built;
    built.name = host.name.value;
    for (const Text& name : host.hosts) built.hosts.push_back(name.value);
    built.is_default = host.is_default;
    built.merge_slashes = host.merge_slashes;
    if (host.tls) built.tls = material_.load_host(host);
    if (host.policy) {
      if (const auto found = policies_.find(host.policy->value); found != policies_.end()) built.policy = found->second;
    }
    built.timeouts = merged(snapshot.timeouts, host.settings.timeouts);
    for (const RouteConfig& route : host.routes) built.routes.push_back(build_route(host, route, built.timeouts));
    built.route_table = build_route_table(host, sink_);
    snapshot.virtual_hosts.push_back(std::move(built));
  }

  proxy::Route build_route(const VirtualHostConfig& host, const RouteConfig& route, const core::Timeouts& timeouts) {
    proxy::Route built;
    built.path = route.path.value;
    built.action = route.action;
    if (route.upstream) {
      if (const auto found = upstream_indices_.find(route.upstream->value); found != upstream_indices_.end()) {
        built.upstream = found->second;
      }
    }
    built.status = route.status;
    built.body = route.body;
    built.content_type = route.content_type;
    for (const HeaderToSet& field : route.set) built.set.push_back({field.name.value, field.value});
    for (const Text& name : route.remove) built.remove.push_back(name.value);
    const RouteSettings& own = route.settings;
    const RouteSettings& of_host = host.settings;
    built.identity_headers = own.identity_headers.value_or(of_host.identity_headers.value_or(proxy::IdentityHeaders{}));
    built.forwarding =
        merged(merged(merged(proxy::ForwardingOptions{}, config_.forwarding), of_host.forwarding), own.forwarding);
    built.keep_encoded_slashes = own.keep_encoded_slashes.value_or(of_host.keep_encoded_slashes.value_or(false));
    built.timeouts = merged(timeouts, own.timeouts);
    check_fields_to_set(route, built, sink_);
    built.require_authenticated =
        own.requires_client.value_or(of_host.requires_client.value_or(Requirement::none)) == Requirement::authenticated;
    built.body_bytes = own.body_bytes.value_or(of_host.body_bytes.value_or(config_.limits.body_bytes));
    return built;
  }

  // On every listener and host: a field that one route sets is as good as an identity to some upstream.
  static void add_protected_fields(proxy::Snapshot& snapshot) {
    for (const char* name : {"Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert"}) {
      snapshot.protected_fields.insert(proxy::fold_field_name(name));
    }
    for (const proxy::VirtualHost& host : snapshot.virtual_hosts) {
      for (const proxy::Route& route : host.routes) {
        for (const proxy::FieldToSet& field : route.set)
          snapshot.protected_fields.insert(proxy::fold_field_name(field.name));
      }
    }
  }

  std::shared_ptr<const Config> shared_config_;
  const Config& config_;
  FileReader& files_;
  DiagnosticSink& sink_;
  CertificateChains chains_;
  CrlFiles crls_;
  std::shared_ptr<tls::CrlCache> crl_cache_;
  TrustMaterial trust_;
  TlsMaterial material_;
  Policies policies_;
  std::vector<std::shared_ptr<const policy::RuleSet>> compiled_;
  UpstreamIndices upstream_indices_;
};

}  // namespace

std::optional<LoadedConfig> build(std::shared_ptr<const Config> config, std::uint64_t generation, FileReader& files,
                                  LoadMemory& memory, std::chrono::sys_seconds now, DiagnosticSink& sink) {
  return Builder(std::move(config), files, memory, now, sink).build(generation);
}

}  // namespace gateway::config
