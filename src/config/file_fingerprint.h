#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/peer_identity.h"

namespace gateway::config {

// What stands at a path, told without reading it. A folder or device has no size and no times: what happens in it is no
// change of it.
struct FileFingerprint {
  std::string resolved;  // where the path leads once every symbolic link is followed; empty if nothing is there
  int error = 0;         // errno if nothing is there
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;     // of the inode: renames, links, owner and mode count as well
  std::vector<std::string> names;  // of a folder that is read as a whole
  friend bool operator==(const FileFingerprint&, const FileFingerprint&) = default;
};

// File systems stamp times with a clock that ticks every few milliseconds, some every second or two: within that time a
// file may change twice and look the same. A fingerprint taken this soon after the change does not prove a content.
inline constexpr std::chrono::seconds kFingerprintProves{2};
bool is_young(const FileFingerprint& fingerprint, std::chrono::system_clock::time_point taken);

// One look at the file system: every path is asked for once, however many files are in it. Control thread.
class FileLook {
 public:
  // `path` is absolute.
  FileFingerprint fingerprint(const std::string& path);
  // The same with names_in() the folder that stands there.
  FileFingerprint folder(const std::string& path);

  // A real folder and the names in it that decided where paths lead: the files themselves, every symbolic link on the
  // way, and the first name that was missing.
  struct Place {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::set<std::string> names;
    bool is_read_whole = false;  // any name in it decides
    friend bool operator==(const Place&, const Place&) = default;
  };
  using Places = std::map<std::string, Place>;  // by path
  [[nodiscard]] const Places& places() const { return places_; }

 private:
  struct Entry {
    int error = 0;
    struct stat status{};
    std::string target;  // of a symbolic link
  };
  const Entry& at(const std::string& path);
  void note(const std::string& folder, const std::string& name);

  std::unordered_map<std::string, Entry> entries_;
  Places places_;
};

// What a folder of files holds, in order, at most kMostNames + 1: whatever does not begin with a dot, as unfinished and
// internal files do by custom. Empty if it can't be read.
inline constexpr std::size_t kMostNames = 1024;
std::vector<std::string> names_in(const std::string& folder);

// A file, or a folder of files, that a load has read or would have liked to.
struct WatchedFile {
  std::string path;                     // absolute
  bool is_folder = false;               // its names count
  FileFingerprint fingerprint;          // taken before it was read: whatever changes afterwards shows
  std::optional<core::Sha256> content;  // what was read, if the fingerprint alone does not prove it
  std::chrono::steady_clock::time_point read_at;
};

}  // namespace gateway::config
