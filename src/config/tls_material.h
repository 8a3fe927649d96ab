#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/file_reader.h"
#include "config/load.h"
#include "tls/certificate_files.h"
#include "tls/host_options.h"
#include "tls/trust_set.h"

namespace gateway::config {

// Reads and checks the certificates, keys and CRLs that a config names. Faults are reported at the path that names the
// file.
class TlsMaterial {
 public:
  TlsMaterial(FileReader& files, DiagnosticSink& sink, std::chrono::sys_seconds now)
      : files_(files), sink_(sink), now_(now) {}

  // Null if it can't be used (reported). Shared by all hosts that name it.
  void load_trust_set(const TrustConfig& config);
  // `config.tls` must be there. Null if it can't be used (reported).
  std::shared_ptr<const tls::HostOptions> load_host(const VirtualHostConfig& config);

  [[nodiscard]] std::vector<CertificateInfo> take_certificates() { return std::move(certificates_); }
  [[nodiscard]] const std::vector<std::string>& trust_summary() const { return trust_summary_; }

 private:
  struct Trust {
    std::shared_ptr<const tls::TrustSet> set;
    std::vector<tls::CertificateFacts> anchors;
    std::vector<Text> anchor_paths;  // which file each is from
  };

  // The certificates of one file. Parsing is the dear part of a load, and many hosts name the same files.
  struct Chain {
    std::vector<tls::Der> certificates;
    std::vector<tls::CertificateFacts> facts;
  };

  // Null if the file can't be used (reported).
  std::shared_ptr<const Chain> read_chain(const Text& path);
  void read_anchors(const TrustConfig& config, tls::TrustSet& set, Trust& trust);
  void check_roots(const TrustConfig& config, const Trust& trust);
  bool read_crls(const TrustConfig& config, const Trust& trust, tls::TrustSet& set);
  void check_crls(const TrustConfig& config, const Trust& trust, const tls::TrustSet& set);
  bool read_key(const TlsConfig& tls, const tls::Der& certificate, std::string& key);
  void check_server_certificates(const VirtualHostConfig& host, const Chain& chain);
  void check_names_covered(const VirtualHostConfig& host, const tls::CertificateFacts& leaf);
  void check_lifetime(const Text& path, const tls::CertificateFacts& facts, std::string_view what);
  void record(const std::string& host, std::string_view kind, const tls::CertificateFacts& facts);

  FileReader& files_;
  DiagnosticSink& sink_;
  std::chrono::sys_seconds now_;
  std::unordered_map<std::string, Trust> trust_;
  std::unordered_map<std::string, std::shared_ptr<const Chain>> chains_;  // by path
  std::unordered_map<std::string, std::string> keys_;  // by the paths of certificate and key: those that match
  std::vector<CertificateInfo> certificates_;
  std::vector<std::string> trust_summary_;
};

}  // namespace gateway::config
