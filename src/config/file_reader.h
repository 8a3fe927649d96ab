#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/file_fingerprint.h"
#include "core/peer_identity.h"

namespace gateway::config {

// Of any file but the config itself. A CRL of a million entries has about 40 MB.
inline constexpr std::size_t kMaxFileBytes = 512ULL << 20;

// The whole of a regular file. Error: what the system said. Never blocks on a FIFO or device.
std::expected<std::string, std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

// The same, and adds the file to `watched`, whether it could be read or not. `path` is absolute.
std::expected<std::string, std::string> read_watched_file(const std::string& path, std::size_t max_bytes,
                                                          std::vector<WatchedFile>& watched);

// Whether every user of the system may read what should be secret. False as well if the system does not say.
bool is_readable_by_all(const std::string& path);

// The files that a config names, each read once however many hosts share it. Relative paths start at the config file's
// folder. All are added to `watched`, in the order of their first use; it outlives the reader.
class FileReader {
 public:
  FileReader(const std::string& config_file, std::vector<WatchedFile>& watched);
  ~FileReader();  // wipes what it read: keys and passphrases are among it
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  [[nodiscard]] const std::string& config_file() const { return config_file_; }
  [[nodiscard]] std::string absolute(const std::string& path) const;
  // The view lives as long as this object. Error: "can't read /x/y: No such file or directory".
  std::expected<const std::string*, std::string> read(const std::string& path);
  // Of what read() gives, or of its error: taken once, however many hosts share the file.
  const core::Sha256& digest(const std::string& path);
  // The same for the caller alone: nothing is kept, and the next call reads again.
  std::expected<std::string, std::string> take(const std::string& path);
  [[nodiscard]] bool is_folder(const std::string& path) const;
  // What a folder holds, as names_in(). nullopt if no folder stands at `path`. Error: it can't be read.
  std::expected<std::optional<std::vector<std::string>>, std::string> list(const std::string& path);

 private:
  struct File {
    std::expected<std::string, std::string> content;
    std::optional<core::Sha256> digest;
  };
  File& file(const std::string& path);
  std::expected<std::string, std::string> read_once_watched(const std::string& full);

  std::string config_file_;
  std::filesystem::path folder_;
  std::unordered_map<std::string, File> files_;         // by absolute path
  std::unordered_map<std::string, File*> by_spelling_;  // by path as given
  std::vector<WatchedFile>& watched_;
  std::unordered_set<std::string> is_watched_;
};

}  // namespace gateway::config
