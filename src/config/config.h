#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/load.h"
#include "core/http_url.h"
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

// `revocation: {ocsp: …}`
struct OcspConfig {
  Position at;
  std::optional<tls::OcspMode> mode;  // nullopt: off
  tls::OcspNonce nonce = tls::OcspNonce::asked;
  core::Milliseconds timeout{2'000};
  std::optional<Text> responder;  // an http URL
  std::optional<Text> responder_certificate;
};

struct TrustConfig {
  Text name;
  std::vector<Text> ca;
  std::vector<Text> crl;
  unsigned depth = 5;
  bool require_revocation = false;
  bool revocation_is_stated = false;  // whichever way: then nobody needs a warning
  Position revocation_at;
  OcspConfig ocsp;
  tls::RevocationScope revocation_scope = tls::RevocationScope::chain;
  core::Milliseconds crl_grace{0};
  core::Milliseconds crl_refresh{3'600'000};  // of those that are URLs
  bool partial_chains = false;
  bool require_client_purpose = true;
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

// `tls.session:`; what is not given is inherited.
struct HostSessionConfig {
  std::optional<std::chrono::seconds> lifetime;
  std::optional<bool> tickets;
  tls::SessionStore store = tls::SessionStore::process;  // always the top level's
};

// `session:` of the top level.
struct SessionConfig {
  std::chrono::seconds lifetime = core::kSessionLifetime;
  bool tickets = true;
  std::optional<tls::SessionStore> store;  // none: tickets if replicas share keys for them, else the process
  std::uint64_t capacity = core::kSessionCapacity;
  std::vector<Text> ticket_keys;  // files; none: random keys, rotated by time

  [[nodiscard]] tls::SessionStore chosen_store() const {
    return store.value_or(ticket_keys.empty() ? tls::SessionStore::process : tls::SessionStore::tickets);
  }
};

// What a client must have shown before a route answers it.
enum class Requirement : std::uint8_t { none, authenticated };

// Where the passphrase of a key comes from: one of the two; neither if what stood there was faulty.
struct PassphraseConfig {
  Text file;
  std::vector<Text> command;  // the program, then its arguments
};

// `tls.stapling`, if it is on.
struct StaplingConfig {
  Position at;
  std::optional<core::HttpUrl> responder;  // nullopt: the one that the certificate names
  std::optional<Text> issuer;              // nullopt: the second certificate in the certificate's file
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
  tls::TlsProfile profile = tls::TlsProfile::intermediate;
  tls::TlsSettings settings = tls::settings_of(tls::TlsProfile::intermediate);
  std::uint64_t max_client_chain_bytes = core::kMaxClientChainBytes;
  tls::OnRefusal on_refusal = tls::OnRefusal::alert;
  Position on_refusal_at;
  HostSessionConfig session;
  std::optional<StaplingConfig> stapling;
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
  std::optional<Requirement> requires_client;
  Text requires_client_at;
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
  std::optional<Text> pkcs11_module;    // a path; nullopt: the choice of OpenSSL's provider
  std::optional<unsigned> workers;      // nullopt: one per core
  std::optional<Text> state_directory;  // nullopt: the default
  Watch watch = Watch::files;
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
  SessionConfig session;
};

}  // namespace gateway::config
