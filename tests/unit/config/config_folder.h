#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace gateway::config {

// A folder for one config file, with a PKI in pki/ (as `gatewayctl pki` makes it) that all tests of the process share:
// pki/ca.pem, pki/ca.crl, pki/other/ca.pem, pki/other/ca.crl; below the first pki/issuing/ca.pem and, below that one,
// pki/deep/ca.pem, with CRLs; and in pki/issued/ the pairs server (for *.example.com
// and example.com), other-server, expired-server, ending-server, rsa (of that type of key) and client (no server's);
// also encrypted.key, the key of server behind the passphrase "correct horse".
class ConfigFolder {
 public:
  ConfigFolder();
  ~ConfigFolder();
  ConfigFolder(const ConfigFolder&) = delete;
  ConfigFolder& operator=(const ConfigFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::string_view content) const;
  // Loads `yaml` as gateway.yaml of this folder.
  LoadResult load(std::string_view yaml) const;
  // The diagnostics of that, as lines().
  std::string findings(std::string_view yaml) const;
  // The config of that; fails the test if there is none.
  LoadedConfig good(std::string_view yaml) const;

  std::map<std::string, std::string> environment;

 private:
  std::filesystem::path path_;
};

Environment environment_of(const std::map<std::string, std::string>& variables);

// "LINE:COLUMN: error: MESSAGE" each, with a newline.
std::string lines(const std::vector<Diagnostic>& diagnostics);
// The same of decoding `yaml` alone, which reads no file.
std::string decode_findings(std::string_view yaml, const std::map<std::string, std::string>& variables = {});

}  // namespace gateway::config
