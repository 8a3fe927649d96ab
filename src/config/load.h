#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/file_fingerprint.h"
#include "policy/policy_spec.h"
#include "proxy/snapshot.h"

namespace gateway::config {

struct MetricsAddress {
  std::string host;  // literal IP, no brackets
  std::uint16_t port = 0;
  friend bool operator==(const MetricsAddress&, const MetricsAddress&) = default;
};

struct AdminOptions {
  std::string socket;                     // absolute path; "" for `socket: off`
  std::optional<MetricsAddress> metrics;  // nullopt for `metrics: off`, which is the default
  friend bool operator==(const AdminOptions&, const AdminOptions&) = default;
};

// A certificate that this generation serves or trusts, for the metric of its end. One entry a virtual host and
// certificate.
struct CertificateInfo {
  std::string virtual_host;
  std::string kind;     // "server", "chain" (sent behind the server certificate) or "trust"
  std::string subject;  // RFC 4514
  std::chrono::sys_seconds not_after{};
};

// One checked generation. Copies are cheap enough to keep: everything big is shared and immutable.
struct LoadedConfig {
  std::string path;  // as given to load()
  std::shared_ptr<const proxy::Snapshot> snapshot;
  unsigned workers = 1;  // `auto` is resolved to the number of cores
  AdminOptions admin;
  std::string state_directory;  // absolute path; need not exist
  std::vector<CertificateInfo> certificates;
  bool watch = false;                // load again as soon as a file changes
  std::vector<std::string> summary;  // lines for `check`: what was loaded and how the policies were compiled
  std::vector<policy::PolicySpec> policies;
};

struct LoadResult {
  std::optional<LoadedConfig> config;   // only if no diagnostic is an error
  std::vector<Diagnostic> diagnostics;  // in the order of the file
  // Everything that this load depends on, whether it worked or not: the config file first, each once.
  std::vector<WatchedFile> watched_files;
};

// nullopt: the variable is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// Reads, checks and builds; the one loader of gatewayd and gatewayctl. Reads files, so it runs on the control thread
// only. Throws nothing; each fault of the config is a diagnostic, all of them at once.
LoadResult load(const std::string& path, std::uint64_t generation,
                const Environment& environment = process_environment());

// What differs, a line each: "virtual host payments: certificate changed". Empty if nothing does.
std::vector<std::string> describe_changes(const LoadedConfig& before, const LoadedConfig& after);

// What differs and can't be changed by a reload (workers, admin.socket, state_directory), a line each. A reload with
// any is refused.
std::vector<std::string> restart_only_changes(const LoadedConfig& before, const LoadedConfig& after);

}  // namespace gateway::config
