#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/certificate_chains.h"
#include "config/config.h"
#include "config/file_reader.h"
#include "config/load.h"
#include "config/server_keys.h"
#include "config/trust_material.h"
#include "tls/host_options.h"

namespace gateway::config {

// Reads and checks the certificates and keys that virtual hosts serve. Faults are reported at the path that names the
// file.
class TlsMaterial {
 public:
  // `token_module` is the config's, and stays where it is. `memory` may be null.
  TlsMaterial(FileReader& files, CertificateChains& chains, const TrustMaterial& trust, DiagnosticSink& sink,
              const std::optional<Text>& token_module, FileMemory* memory)
      : chains_(chains), trust_(trust), sink_(sink), keys_(files, sink, token_module, memory) {}

  // `config.tls` must be there, and its trust set loaded. Null if it can't be used (reported).
  std::shared_ptr<const tls::HostOptions> load_host(const VirtualHostConfig& config);

  // Of all hosts since the last call, in their order.
  [[nodiscard]] std::vector<CertificateInfo> take_certificates() { return std::exchange(certificates_, {}); }

 private:
  bool load_certificates(const VirtualHostConfig& host, std::vector<tls::ServerCertificate>& certificates);
  bool load_certificate(const VirtualHostConfig& host, const CertificateConfig& config,
                        tls::ServerCertificate& certificate);
  void check_chain(const VirtualHostConfig& host, const Text& path, const CertificateChains::Chain& chain);
  void check_names_covered(const VirtualHostConfig& host, const Text& path, const tls::CertificateFacts& leaf);
  void record(const std::string& host, std::string_view kind, const tls::CertificateFacts& facts);

  CertificateChains& chains_;
  const TrustMaterial& trust_;
  DiagnosticSink& sink_;
  ServerKeys keys_;
  std::vector<CertificateInfo> certificates_;
};

}  // namespace gateway::config
