#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/crl_source.h"
#include "config/decode_memory.h"
#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/file_fingerprint.h"
#include "config/file_memory.h"
#include "policy/policy_spec.h"
#include "proxy/snapshot.h"
#include "tls/crl_cache.h"
#include "tls/ticket_keys.h"

namespace gateway::config {

// Which changed files are taken up with nobody asking.
enum class Watch : std::uint8_t {
  off,
  files,  // certificates, keys, CAs, CRLs, ticket keys: whatever the config names, but not the config
  all,    // the config too
};

std::string_view to_string(Watch watch) noexcept;  // "off", "files", "all"

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
  std::chrono::sys_seconds not_before{};
};

// A client CA that a trust set trusts: whose handshakes are counted.
struct AnchorInfo {
  std::string trust;    // the set's name
  std::string subject;  // RFC 4514; two anchors of a set may share it
  core::Sha256 fingerprint{};
  std::chrono::sys_seconds not_after{};
};
struct Accepted;  // config/accepted.h

// One checked generation. Copies are cheap enough to keep: everything big is shared and immutable.
struct LoadedConfig {
  std::string path;  // as given to load()
  std::shared_ptr<const proxy::Snapshot> snapshot;
  unsigned workers = 1;  // `auto` is resolved to the number of cores
  AdminOptions admin;
  std::string state_directory;  // absolute path; need not exist
  std::vector<CertificateInfo> certificates;
  std::vector<CrlSource> crl_sources;                     // what has to be fetched
  std::shared_ptr<const tls::TicketKeys> ticket_keys;     // of the files that the config names; null: the daemon's own
  std::size_t session_capacity = core::kSessionCapacity;  // of the sessions kept in the process; 0: they are tickets
  std::vector<AnchorInfo> anchors;                        // of all trust sets, in their order
  Watch watch = Watch::files;
  std::vector<std::string> summary;  // lines for `check`: what was loaded and how the policies were compiled
  std::vector<std::shared_ptr<const policy::PolicySpec>> policies;
  std::vector<Diagnostic> warnings;          // of the load, for a rotation not to repeat them
  std::shared_ptr<const Accepted> accepted;  // what a rotation of the files starts from
};

struct LoadResult {
  std::optional<LoadedConfig> config;   // only if no diagnostic is an error
  std::vector<Diagnostic> diagnostics;  // in the order of the file
  // Everything that this load depends on, whether it worked or not: the config file first, each once.
  std::vector<WatchedFile> watched_files;
};

// What one load finds of those before, so that it need not be made again. Of the caller, and for one thread.
struct LoadMemory {
  DecodeMemory texts;
  std::shared_ptr<tls::CrlCache> crls = std::make_shared<tls::CrlCache>();
  FileMemory files;
};

// Reads, checks and builds; the one loader of gatewayd and gatewayctl. Reads files, so it runs on the control thread
// only. Throws nothing; each fault of the config is a diagnostic, all of them at once.
LoadResult load(const std::string& path, std::uint64_t generation, LoadMemory& memory,
                const Environment& environment = process_environment());
// The same without any memory of an earlier load.
LoadResult load(const std::string& path, std::uint64_t generation,
                const Environment& environment = process_environment());

// What differs, a line each: "virtual host payments: certificate changed". Empty if nothing does.
std::vector<std::string> describe_changes(const LoadedConfig& before, const LoadedConfig& after);

// What differs and can't be changed by a reload (workers, admin.socket, state_directory), a line each. A reload with
// any is refused.
std::vector<std::string> restart_only_changes(const LoadedConfig& before, const LoadedConfig& after);

}  // namespace gateway::config
