#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/file_fingerprint.h"

namespace gateway::config {

// Of any file but the config itself. A CRL of a million entries has about 40 MB.
inline constexpr std::size_t kMaxFileBytes = 512ULL << 20;

// The whole of a regular file. Error: what the system said. Never blocks on a FIFO or device.
std::expected<std::string, std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

// The same, and adds the file to `watched`, whether it could be read or not. `path` is absolute.
std::expected<std::string, std::string> read_watched_file(const std::string& path, std::size_t max_bytes,
                                                          std::vector<WatchedFile>& watched);

// Whether every user of this machine may read what stands at `path`.
bool is_readable_by_all(const std::string& path);

// The files that a config names, each read once however many hosts share it. Relative paths start at the config file's
// folder. All are added to `watched`, in the order of their first use; it outlives the reader.
class FileReader {
 public:
  FileReader(const std::string& config_file, std::vector<WatchedFile>& watched);
  ~FileReader();  // wipes what it read: keys and passphrases are among it
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  [[nodiscard]] std::string absolute(const std::string& path) const;
  // The view lives as long as this object. Error: "can't read /x/y: No such file or directory".
  std::expected<const std::string*, std::string> read(const std::string& path);

 private:
  std::filesystem::path folder_;
  std::unordered_map<std::string, std::expected<std::string, std::string>> files_;
  std::vector<WatchedFile>& watched_;
};

}  // namespace gateway::config
