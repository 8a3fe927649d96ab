#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "pki/error.h"

namespace gateway::pki {

inline constexpr mode_t kPrivateMode = 0600;
inline constexpr mode_t kPublicMode = 0644;

// Closes its descriptor; -1 is none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  [[nodiscard]] int get() const { return fd_; }
  // False if the last bytes could not be stored (a full disk on NFS shows up here only).
  bool close() noexcept;

 private:
  int fd_;
};

// The whole file, refused above `kMaxFileBytes`.
Result<std::string> read_file(const std::filesystem::path& path);

// Makes a file that wasn't there (O_EXCL, symbolic links not followed) and syncs it; nothing stays behind on failure.
Result<Done> create_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);

// Puts `bytes` in the place of whatever `path` was: a reader sees the old file or the new one, also after a crash.
Result<Done> replace_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);

// Serialises the writers of one folder across processes, by flock on `.lock` in it. Waits for at most `kLockTimeout`.
class FolderLock {
 public:
  static Result<FolderLock> acquire(const std::filesystem::path& folder);

 private:
  explicit FolderLock(FileDescriptor descriptor) : descriptor_(std::move(descriptor)) {}
  FileDescriptor descriptor_;
};

// Removes the files noted in it unless kept: undoes what a failed operation made.
class NewFiles {
 public:
  NewFiles() = default;
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  ~NewFiles();
  // create_file, noted for removal.
  Result<Done> create(const std::filesystem::path& path, std::string_view bytes, mode_t mode);
  void keep() { paths_.clear(); }

 private:
  std::vector<std::filesystem::path> paths_;
};

}  // namespace gateway::pki
