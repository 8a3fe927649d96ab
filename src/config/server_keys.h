#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/file_reader.h"
#include "config/passphrases.h"
#include "core/secret.h"
#include "tls/trust_set.h"

namespace gateway::config {

// The private keys of server certificates. Each pair is opened and compared once, however many hosts share it: opening
// an encrypted key is slow on purpose. Faults are reported at the path of the key. Control thread.
class ServerKeys {
 public:
  ServerKeys(FileReader& files, DiagnosticSink& sink) : files_(files), sink_(sink), passphrases_(files, sink) {}

  // The key of `config`, not encrypted. `certificate` is what it must belong to; empty if that could not be read. Null
  // if it can't be used (reported).
  core::SharedSecret read(const CertificateConfig& config, const tls::Der& certificate);

 private:
  core::SharedSecret open(const CertificateConfig& config);

  FileReader& files_;
  DiagnosticSink& sink_;
  Passphrases passphrases_;
  std::map<std::vector<std::string>, core::SharedSecret> known_;  // by certificate, key and origin of the passphrase
};

}  // namespace gateway::config
