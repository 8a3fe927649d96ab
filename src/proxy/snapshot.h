#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/host_table.h"
#include "core/ip_address.h"
#include "core/limits.h"
#include "policy/rule_set.h"
#include "proxy/header_template.h"
#include "proxy/router.h"
#include "tls/host_options.h"

namespace gateway::proxy {

enum class Protocol : std::uint8_t { https, http };

struct Listener {
  std::string name;     // `name:` of the config, else the bind address as written
  std::string bind;     // as written, e.g. "0.0.0.0:8443" or "[::]:8443"
  std::string address;  // literal IP
  std::uint16_t port = 0;
  Protocol protocol = Protocol::https;
  bool redirect_to_https = false;
  std::uint16_t redirect_port = 443;             // of the first https listener
  std::shared_ptr<const core::HostTable> hosts;  // values: indices of Snapshot::virtual_hosts
};

struct FieldToSet {
  std::string name;
  HeaderTemplate value;
  friend bool operator==(const FieldToSet&, const FieldToSet&) = default;
};

// Which fields tell upstreams of the client (RFC 9440; Envoy's x-forwarded-client-cert).
struct IdentityHeaders {
  bool client_cert = false;
  bool xfcc = false;
  friend bool operator==(const IdentityHeaders&, const IdentityHeaders&) = default;
};

struct ForwardingOptions {
  bool x_forwarded = true;  // X-Forwarded-For, -Proto, -Host
  bool x_request_id = true;
  bool forwarded = false;  // RFC 7239
  bool via = false;        // RFC 9110 section 7.6.3
  friend bool operator==(const ForwardingOptions&, const ForwardingOptions&) = default;
};

enum class RouteAction : std::uint8_t { upstream, respond, echo };

struct Route {
  std::string path;  // as written
  RouteAction action = RouteAction::upstream;
  std::uint32_t upstream = 0;  // index of Snapshot::upstreams
  unsigned status = 200;       // for respond
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<FieldToSet> set;
  std::vector<std::string> remove;  // names
  IdentityHeaders identity_headers;
  ForwardingOptions forwarding;
  bool keep_encoded_slashes = false;
  bool require_authenticated = false;  // an anonymous client is refused (not_authenticated)
  core::Timeouts timeouts;
  std::uint64_t body_bytes = 0;
  friend bool operator==(const Route&, const Route&) = default;
};

struct VirtualHost {
  std::string name;
  std::vector<std::string> hosts;  // as written
  bool is_default = false;
  bool merge_slashes = true;
  std::shared_ptr<const tls::HostOptions> tls;    // null: on http listeners only
  std::shared_ptr<const policy::RuleSet> policy;  // null: whoever the mode admits
  core::Timeouts timeouts;
  std::vector<Route> routes;
  RouteTable route_table;
};

struct HealthCheck {
  core::Milliseconds interval{5'000};
  core::Milliseconds timeout{2'000};
  unsigned fall = 3;
  unsigned rise = 2;
  std::string path;  // "": a TCP connect
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

struct Endpoint {
  std::string address;  // as written: "127.0.0.1:9000", "[::1]:80", "api.internal:8080", "unix:/run/api.sock"
  std::string host;     // IP literal or host name; "" for a Unix socket
  std::uint16_t port = 0;
  std::string unix_path;
  bool needs_resolving = false;  // host is a name
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Upstream {
  std::string name;
  std::vector<Endpoint> endpoints;
  std::uint32_t max_idle = 64;  // per worker and endpoint; 0: one request per connection
  std::uint32_t retries = 1;
  std::optional<HealthCheck> health_check;
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

enum class LogFormat : std::uint8_t { json, text };
struct AccessLogOptions {
  std::string path = "stdout";  // "off", "stdout" or a file
  LogFormat format = LogFormat::json;
  friend bool operator==(const AccessLogOptions&, const AccessLogOptions&) = default;
};

// What one generation of the config means, as plain immutable data. Built by the control thread, shared by all workers;
// a request keeps the snapshot it began with.
struct Snapshot {
  std::uint64_t generation = 0;
  std::vector<Listener> listeners;
  std::vector<VirtualHost> virtual_hosts;
  std::vector<Upstream> upstreams;
  core::Timeouts timeouts;
  core::Limits limits;
  std::vector<core::Cidr> trusted_proxies;
  // Names that no client can send, folded by fold_field_name(): every field that the config sets anywhere, and the
  // built-in identity fields.
  std::unordered_set<std::string> protected_fields;
  AccessLogOptions access_log;
};

}  // namespace gateway::proxy
