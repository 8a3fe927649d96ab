#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace gateway::gatewayd {

// `state_directory` of the config: the folder of what must outlive the process. Made when something is first written;
// used only as long as nobody but its owner, who is this process's user or root, can write to it. Holds nothing but its
// path, so that any thread may have one; every call may block on the disk, so never on a worker.
class StateDirectory {
 public:
  explicit StateDirectory(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // `name` is one file of this folder, or of a folder in it: "revocations.json", "crl/0a1b.crl".
  [[nodiscard]] std::filesystem::path path_of(std::string_view name) const { return path_ / name; }

  // nullopt if there is no such file. Error: it, or its folder, can't be read or isn't safe; also if that can't be
  // told.
  [[nodiscard]] core::Result<std::optional<std::string>> read(std::string_view name) const;
  // The file is there in full, synced, mode 0600, once this has returned true; before that, and after an error, a
  // reader sees the one before. Makes the folders that are missing, with mode 0700.
  [[nodiscard]] core::Result<bool> write(std::string_view name, std::string_view bytes) const;
  // No error if there is none.
  [[nodiscard]] core::Result<bool> remove(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace gateway::gatewayd
