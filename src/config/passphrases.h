#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/file_reader.h"
#include "core/secret.h"

namespace gateway::config {

// The passphrases and PINs that one load needs. Each file is read and each command run once, however many keys share
// it. Control thread: it waits for the commands, up to a few seconds in all.
class Passphrases {
 public:
  Passphrases(FileReader& files, DiagnosticSink& sink) : files_(files), sink_(sink) {}

  // The first line of the file, or of the command's output, without its line end. Null if there is none (reported).
  core::SharedSecret read(const PassphraseConfig& config);

 private:
  using Found = std::expected<core::SharedSecret, std::string>;
  Found from_file(const Text& path);
  Found from_command(const std::vector<Text>& command);

  FileReader& files_;
  DiagnosticSink& sink_;
  std::map<std::string, Found> by_file_;
  std::map<std::vector<std::string>, Found> by_command_;
  std::chrono::milliseconds spent_{};  // by commands
};

}  // namespace gateway::config
