#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/load.h"
#include "core/ip_address.h"
#include "core/limits.h"
#include "policy/policy_spec.h"
#include "proxy/header_template.h"
#include "proxy/snapshot.h"
#include "tls/host_options.h"

// What a config file says, decoded and typed, but with names and file paths as written. Every part that a later check
// may object to knows its place. Plain values; nothing here has touched a file.
namespace gateway::config {

inline constexpr std::uint64_t kLargestBodyBytes = 1ULL << 50;

struct Text {
  std::string value;
  Position at;
};

struct SocketAddress {
  std::string host;  // literal IP, no brackets
  std::uint16_t port = 0;
};

struct ListenerConfig {
  Position at;
  Text name;  // the bind address if none is given
  Text bind;
  SocketAddress address;
  proxy::Protocol protocol = proxy::Protocol::https;
  bool redirect_to_https = false;
  Position redirect_at;
};

struct TrustConfig {
  Text name;
  std::vector<Text> ca;
  std::vector<Text> crl;
  unsigned depth = 5;
  bool require_revocation = false;
  bool revocation_is_stated = false;  // whichever way: then nobody needs a warning
  Position revocation_at;
  bool send_ca_names = true;
  bool strict_profile = true;
};

// Where each pattern of a policy stands; indices as in the spec.
struct ConditionPlace {
  Position at;
  std::vector<Text> patterns;
};
struct RulePlace {
  Position at;
  std::vector<ConditionPlace> when;
};
struct PolicyConfig {
  Text name;
  policy::PolicySpec spec;
  std::vector<RulePlace> places;
};

// Where the passphrase of a key comes from: one of the two; neither if what stood there was faulty.
struct PassphraseConfig {
  Text file;
  std::vector<Text> command;  // the program, then its arguments
};

struct CertificateConfig {
  Text certificate;
  Text key;
  std::optional<PassphraseConfig> passphrase;
};

struct TlsConfig {
  Position at;
  std::vector<CertificateConfig> certificates;
  tls::ClientAuth client_auth = tls::ClientAuth::strict;
  Position client_auth_at;
  bool client_auth_is_stated = false;
  std::optional<Text> trust;
  tls::ProtocolVersion min_version = tls::ProtocolVersion::tls12;
  tls::ProtocolVersion max_version = tls::ProtocolVersion::tls13;
};

// `timeouts:`; what is not given is inherited.
struct TimeoutsConfig {
  std::optional<core::Milliseconds> handshake, request_headers, body_idle, keep_alive, upstream_connect,
      upstream_response, drain;
};

// `forwarding:`; what is not given is inherited.
struct ForwardingConfig {
  std::optional<bool> x_forwarded, x_request_id, forwarded, via;
};

// What a virtual host may set for all of its routes, and a route for itself.
struct RouteSettings {
  TimeoutsConfig timeouts;
  ForwardingConfig forwarding;
  std::optional<proxy::IdentityHeaders> identity_headers;
  std::optional<bool> keep_encoded_slashes;
  std::optional<std::uint64_t> body_bytes;
};

struct HeaderToSet {
  Text name;
  proxy::HeaderTemplate value;
};

struct RouteConfig {
  Position at;
  Text path;
  proxy::RouteAction action = proxy::RouteAction::upstream;
  std::optional<Text> upstream;
  unsigned status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<HeaderToSet> set;
  std::vector<Text> remove;
  RouteSettings settings;
};

struct VirtualHostConfig {
  Position at;
  Text name;
  std::vector<Text> hosts;
  bool is_default = false;
  Position default_at;
  bool allow_lax_default = false;
  std::vector<Text> listeners;  // empty: all that fit
  std::optional<TlsConfig> tls;
  std::optional<Text> policy;
  bool merge_slashes = true;
  RouteSettings settings;
  std::vector<RouteConfig> routes;
};

struct EndpointConfig {
  Position at;
  proxy::Endpoint endpoint;  // unix_path as written
};

struct UpstreamConfig {
  Text name;
  std::vector<EndpointConfig> endpoints;
  std::uint32_t max_idle = 64;
  std::uint32_t retries = 1;
  std::optional<proxy::HealthCheck> health_check;
};

struct AccessLogConfig {
  Text path{.value = "stdout", .at = {}};
  proxy::LogFormat format = proxy::LogFormat::json;
};

struct AdminConfig {
  std::optional<Text> socket;  // "" for off; nullopt: the default
  std::optional<MetricsAddress> metrics;
  Position metrics_at;
};

struct Config {
  std::optional<unsigned> workers;  // nullopt: one per core
  bool watch = false;
  std::optional<Text> state_directory;  // nullopt: the default
  std::vector<ListenerConfig> listeners;
  bool listeners_are_complete = true;  // false: one has no usable address, so that who answers where can't be told
  std::vector<TrustConfig> trust;
  std::vector<PolicyConfig> policies;
  std::vector<VirtualHostConfig> virtual_hosts;
  std::vector<UpstreamConfig> upstreams;
  TimeoutsConfig timeouts;
  core::Limits limits;
  ForwardingConfig forwarding;
  std::vector<core::Cidr> trusted_proxies;
  AccessLogConfig access_log;
  AdminConfig admin;
};

}  // namespace gateway::config
