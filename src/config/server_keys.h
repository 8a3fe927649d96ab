#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/file_memory.h"
#include "config/file_reader.h"
#include "config/passphrases.h"
#include "core/secret.h"
#include "tls/host_options.h"
#include "tls/token_key.h"
#include "tls/token_uri.h"

namespace gateway::config {

// The private keys of server certificates. Each pair is opened and compared once, however many hosts share it: opening
// an encrypted key is slow on purpose. Faults are reported at the path of the key. Control thread.
class ServerKeys {
 public:
  // `token_module` outlives this object. `memory` may be null.
  ServerKeys(FileReader& files, DiagnosticSink& sink, const std::optional<Text>& token_module, FileMemory* memory)
      : files_(files), sink_(sink), token_module_(token_module), memory_(memory), passphrases_(files, sink) {}

  // Puts the key of `config` into `target`, as an open one or as a token's. `certificate` is what it must belong to;
  // empty if that could not be read. False if the key can't be used (reported).
  bool read(const CertificateConfig& config, const tls::Der& certificate, tls::ServerCertificate& target);

 private:
  core::SharedSecret read_file(const CertificateConfig& config, const tls::Der& certificate);
  core::SharedSecret open(const CertificateConfig& config, std::string_view content);
  // Of the key whose file has the digest `key`, and that was found to belong to `certificate`.
  static core::Sha256 digest_of(const core::Sha256& key, const tls::Der& certificate);
  void warn_if_readable(const Text& path);
  using TokenResult = std::expected<std::shared_ptr<const tls::TokenKey>, std::string>;
  std::shared_ptr<const tls::TokenKey> read_token(const CertificateConfig& config, const tls::Der& certificate);
  core::SharedSecret pin_of(const CertificateConfig& config, tls::TokenUri& uri);
  TokenResult open_token(tls::TokenUri uri, core::SharedSecret pin, const tls::Der& certificate);

  FileReader& files_;
  DiagnosticSink& sink_;
  const std::optional<Text>& token_module_;
  FileMemory* memory_;
  Passphrases passphrases_;
  // By certificate, key and origin of the passphrase.
  std::map<std::vector<std::string>, core::SharedSecret> known_;
  std::map<std::vector<std::string>, TokenResult> tokens_;
  std::set<core::Sha256> refused_pins_;  // digests of what a token may have refused: not tried twice
};

}  // namespace gateway::config
