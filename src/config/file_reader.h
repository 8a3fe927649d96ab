#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace gateway::config {

// The whole of a regular file. Error: what the system said. Never blocks on a FIFO or device.
std::expected<std::string, std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

// The files that a config names, each read once however many hosts share it. Relative paths start at the config file's
// folder.
class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& config_file);

  [[nodiscard]] std::string absolute(const std::string& path) const;
  // The view lives as long as this object. Error: "can't read /x/y: No such file or directory".
  std::expected<const std::string*, std::string> read(const std::string& path);
  // Absolute paths in the order of their first use, whether they could be read or not.
  [[nodiscard]] const std::vector<std::string>& paths() const { return order_; }

 private:
  std::filesystem::path folder_;
  std::unordered_map<std::string, std::expected<std::string, std::string>> files_;
  std::vector<std::string> order_;
};

}  // namespace gateway::config
