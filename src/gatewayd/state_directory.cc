#include "gatewayd/state_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "pki/safe_file.h"

namespace gateway::gatewayd {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolderMode = 0700;

std::unexpected<core::Error> failure(const fs::path& path, const std::string& why) {
  return core::fail(core::Reason::internal, core::Side::gateway, path.string() + ": " + why);
}
std::unexpected<core::Error> failure(const pki::Error& error) {
  return failure(error.file, error.message);
}

enum class Kind : std::uint8_t { folder, file };

// False if there is nothing at `path`. A link is followed: systemd makes the folder one, and what it leads to is
// judged.
core::Result<bool> is_safe(const fs::path& path, Kind kind) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return false;
    return failure(path, std::strerror(errno));
  }
  if (kind == Kind::folder && !S_ISDIR(info.st_mode)) return failure(path, "is no folder");
  if (kind == Kind::file && !S_ISREG(info.st_mode)) return failure(path, "is no regular file");
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return failure(path, "belongs to user " + std::to_string(info.st_uid) + ", neither to this process's user " +
                             std::to_string(::geteuid()) + " nor to root; chown it");
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return failure(path, "others can write to it; take that away (chmod go-w)");
  }
  return true;
}

// From the state directory down to the folder of `name`, each one.
core::Result<bool> are_folders_safe(const fs::path& top, const fs::path& folder) {
  TRY(const bool is_there, is_safe(folder, Kind::folder));
  if (folder != top) {
    TRY([[maybe_unused]] const bool above, are_folders_safe(top, folder.parent_path()));
  }
  return is_there;
}

core::Result<bool> make_folder(const fs::path& folder) {
  TRY(const bool is_there, is_safe(folder, Kind::folder));
  if (is_there) return true;
  if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) return failure(folder, std::strerror(errno));
  return is_safe(folder, Kind::folder);
}

core::Result<bool> make_folders(const fs::path& top, const fs::path& folder) {
  if (folder == top) {
    std::error_code error;
    // What is above it is no secret of ours.
    fs::create_directories(top.parent_path(), error);
    if (error) return failure(top.parent_path(), error.message());
  } else {
    TRY([[maybe_unused]] const bool above, make_folders(top, folder.parent_path()));
  }
  return make_folder(folder);
}

}  // namespace

// Without a slash at its end: else it would not be the parent of what is in it.
StateDirectory::StateDirectory(const fs::path& path) : path_(path.lexically_normal()) {
  if (!path_.has_filename()) path_ = path_.parent_path();
}

core::Result<std::optional<std::string>> StateDirectory::read(std::string_view name) const {
  const fs::path file = path_of(name);
  TRY(const bool has_folder, are_folders_safe(path_, file.parent_path()));
  if (!has_folder) return std::nullopt;
  TRY(const bool has_file, is_safe(file, Kind::file));
  if (!has_file) return std::nullopt;
  auto bytes = pki::read_file(file);
  if (!bytes) return failure(bytes.error());
  return std::move(*bytes);
}

core::Result<bool> StateDirectory::write(std::string_view name, std::string_view bytes) const {
  const fs::path file = path_of(name);
  TRY([[maybe_unused]] const bool made, make_folders(path_, file.parent_path()));
  if (const auto written = pki::replace_file(file, bytes, pki::kPrivateMode); !written) {
    return failure(written.error());
  }
  return true;
}

core::Result<bool> StateDirectory::remove(std::string_view name) const {
  const fs::path file = path_of(name);
  TRY(const bool has_folder, are_folders_safe(path_, file.parent_path()));
  if (!has_folder || ::unlink(file.c_str()) == 0 || errno == ENOENT) return true;
  return failure(file, std::strerror(errno));
}

}  // namespace gateway::gatewayd
