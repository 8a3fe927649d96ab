#include "config/file_fingerprint.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>

namespace gateway::config {
namespace {

// As the kernel has it.
constexpr unsigned kMostLinks = 40;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::string join(const std::string& folder, std::string_view name) {
  std::string path = folder;
  if (path != "/") path += '/';
  path += name;
  return path;
}

std::string parent_of(const std::string& folder) {
  const std::size_t slash = folder.rfind('/');
  return slash == 0 ? "/" : folder.substr(0, slash);
}

// The names of a path that are still to be walked, the next one last.
class Names {
 public:
  void push(std::string_view path) {
    while (!path.empty()) {
      const std::size_t slash = path.rfind('/');
      const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
      if (!name.empty() && name != ".") names_.emplace_back(name);
      path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
    }
  }
  std::string pop() {
    std::string name = std::move(names_.back());
    names_.pop_back();
    return name;
  }
  [[nodiscard]] bool empty() const { return names_.empty(); }

 private:
  std::vector<std::string> names_;
};

FileFingerprint nothing(int error) {
  FileFingerprint fingerprint;
  fingerprint.error = error;
  return fingerprint;
}

FileFingerprint fingerprint_of(std::string resolved, const struct stat& status) {
  FileFingerprint fingerprint;
  fingerprint.resolved = std::move(resolved);
  fingerprint.device = status.st_dev;
  fingerprint.inode = status.st_ino;
  if (S_ISREG(status.st_mode)) {
    fingerprint.size = static_cast<std::uint64_t>(status.st_size);
    fingerprint.modified_ns = nanoseconds(status.st_mtim);
    fingerprint.changed_ns = nanoseconds(status.st_ctim);
  }
  return fingerprint;
}

}  // namespace

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error);
  for (; !error && at != std::filesystem::directory_iterator() && names.size() <= kMostNames; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) return {};
  std::ranges::sort(names);
  return names;
}

bool is_young(const FileFingerprint& fingerprint, std::chrono::system_clock::time_point taken) {
  const auto changed = std::chrono::nanoseconds(fingerprint.changed_ns);
  return fingerprint.changed_ns != 0 && changed > taken.time_since_epoch() - kFingerprintProves;
}

const FileLook::Entry& FileLook::at(const std::string& path) {
  const auto [found, is_new] = entries_.try_emplace(path);
  Entry& entry = found->second;
  if (!is_new) return entry;
  if (::lstat(path.c_str(), &entry.status) != 0) {
    entry.error = errno;
  } else if (S_ISLNK(entry.status.st_mode)) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) {
      entry.error = errno;
    } else {
      entry.target.assign(target.data(), static_cast<std::size_t>(size));
    }
  }
  return entry;
}

void FileLook::note(const std::string& folder, const std::string& name) {
  const auto [found, is_new] = places_.try_emplace(folder);
  if (is_new) {
    const struct stat& status = at(folder).status;
    found->second.device = status.st_dev;
    found->second.inode = status.st_ino;
  }
  found->second.names.insert(name);
}

FileFingerprint FileLook::fingerprint(const std::string& path) {
  std::string folder = "/";  // without symbolic links, so that its parent is what stands before its last slash
  Names names;
  names.push(path);
  unsigned links = 0;
  while (!names.empty()) {
    const std::string name = names.pop();
    if (name == "..") {
      folder = parent_of(folder);
      continue;
    }
    std::string full = join(folder, name);
    const Entry& entry = at(full);
    const bool is_folder = entry.error == 0 && S_ISDIR(entry.status.st_mode);
    if (is_folder && !names.empty()) {
      folder = std::move(full);
      continue;
    }
    note(folder, name);
    if (entry.error != 0) return nothing(entry.error);
    if (S_ISLNK(entry.status.st_mode)) {
      if (++links > kMostLinks) return nothing(ELOOP);
      if (entry.target.starts_with('/')) folder = "/";
      names.push(entry.target);
    } else if (is_folder || names.empty()) {
      return fingerprint_of(std::move(full), entry.status);
    } else {
      return nothing(ENOTDIR);
    }
  }
  // The path ends in "..", or is the root.
  const Entry& entry = at(folder);
  if (entry.error != 0) return nothing(entry.error);
  return fingerprint_of(folder, entry.status);
}

FileFingerprint FileLook::folder(const std::string& path) {
  FileFingerprint found = fingerprint(path);
  if (found.error != 0 || !S_ISDIR(at(found.resolved).status.st_mode)) return found;
  const struct stat& status = at(found.resolved).status;
  Place& place = places_[found.resolved];
  place.device = status.st_dev;
  place.inode = status.st_ino;
  place.is_read_whole = true;
  found.names = names_in(found.resolved);
  return found;
}

}  // namespace gateway::config
