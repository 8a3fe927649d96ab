#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/config.h"
#include "config/file_memory.h"
#include "config/file_reader.h"

namespace gateway::config {

// The certificates of the files that one load names. Parsing is the dear part of a load, and many hosts and trust sets
// name the same files: each is read once. Faults are reported at the path that names the file.
class CertificateChains {
 public:
  using Chain = CertificateChain;

  // `memory` may be null.
  CertificateChains(FileReader& files, DiagnosticSink& sink, std::chrono::sys_seconds now, FileMemory* memory)
      : files_(files), sink_(sink), now_(now), memory_(memory) {}

  // Null if the file can't be used (reported).
  std::shared_ptr<const Chain> read(const Text& path);
  // Warns of a certificate that has expired, soon will, or is not valid yet. `what` it is: "CA certificate".
  void check_lifetime(const Text& path, const tls::CertificateFacts& facts, std::string_view what);

 private:
  FileReader& files_;
  DiagnosticSink& sink_;
  std::chrono::sys_seconds now_;
  FileMemory* memory_;
  std::unordered_map<std::string, std::shared_ptr<const Chain>> chains_;  // by path
};

// "2027-01-31 12:00:00 UTC"
std::string date_of(std::chrono::sys_seconds time);

}  // namespace gateway::config
