#include "gatewayd/file_watcher.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "config/file_reader.h"
#include "core/log.h"
#include "tls/digest.h"

namespace gateway::gatewayd {
namespace {

// While folders come and go, what is listened to may be overtaken so often; the poll sees the rest.
constexpr int kMostRounds = 4;

// For a fingerprint that is the same but proves nothing. A file that can't be read now is left to the next look. Asked
// by our own clock: that of the file system may be years off.
bool has_other_content(config::WatchedFile& file) {
  const bool proves = std::chrono::steady_clock::now() - file.read_at > config::kFingerprintProves;
  const auto content = config::read_file(file.path, config::kMaxFileBytes);
  if (!content) return false;
  if (tls::sha256({*content}) != *file.content) return true;
  if (proves) file.content.reset();
  return false;
}

}  // namespace

struct FileWatcher::Folder {
  FileWatcher& watcher;
  config::FileLook::Place place;
  std::string own_name;   // what libuv gives for events of the folder itself
  bool is_stale = false;  // it was moved or removed: another one may stand at its path, even with its inode
  core::UvHandle<uv_fs_event_t> handle{};
};

FileWatcher::FileWatcher(core::EventLoop& loop, OnChange on_change, Times times)
    : loop_(loop),
      on_change_(std::move(on_change)),
      times_(times),
      quiet_(loop, [this] { on_quiet(); }),
      poll_(loop, [this] { on_poll(); }) {}

FileWatcher::~FileWatcher() = default;

void FileWatcher::watch(std::vector<config::WatchedFile> files) {
  active_ = true;
  told_ = false;
  files_ = std::move(files);
  quiet_.stop();
  poll_.start(times_.poll, times_.poll);
  on_poll();
}

void FileWatcher::stop() {
  active_ = false;
  quiet_.stop();
  poll_.stop();
  files_.clear();
  folders_.clear();
  hears_all_ = true;
}

void FileWatcher::on_event(Folder& folder, const char* name, bool is_rename) {
  // Without a name anything may have happened.
  const bool is_own = name == nullptr || folder.own_name == name;
  if (is_own && is_rename) folder.is_stale = true;
  const bool is_visible = name != nullptr && name[0] != '.';
  const bool decides = is_own || folder.place.names.contains(name) || (folder.place.is_read_whole && is_visible);
  if (decides) expect_change(true);
}

void FileWatcher::expect_change(bool heard) {
  if (told_) return;
  const std::uint64_t now = loop_.now();
  if (!quiet_.is_active()) {
    latest_look_ = now + static_cast<std::uint64_t>(times_.at_most.count());
    heard_ = false;
  }
  heard_ = heard_ || heard;
  const core::Milliseconds left(latest_look_ > now ? latest_look_ - now : 0);
  quiet_.start(std::min(times_.quiet, left));
}

void FileWatcher::on_quiet() {
  const Changes changes = look();
  if (changes.paths.empty()) return;
  if (!heard_ && changes.fingerprints != found_ && loop_.now() < latest_look_) {
    found_ = changes.fingerprints;
    quiet_.start(times_.quiet);
    return;
  }
  told_ = true;
  poll_.stop();
  on_change_(changes.paths);
}

void FileWatcher::on_poll() {
  for (auto& [path, folder] : folders_) {
    if (!folder->handle) folder->is_stale = true;  // the system may be able by now
  }
  Changes changes = look();
  if (changes.paths.empty() || quiet_.is_active()) return;
  found_ = std::move(changes.fingerprints);
  expect_change(false);
}

// What has changed. Listens first and looks then, so that nothing gets lost between the two.
FileWatcher::Changes FileWatcher::look() {
  for (int round = 1;; ++round) {
    config::FileLook look;
    Changes changes = compare(look);
    if (knows(look.places()) || round == kMostRounds) {
      tell_deafness();
      return changes;
    }
    follow(look.places());
  }
}

FileWatcher::Changes FileWatcher::compare(config::FileLook& look) {
  Changes changes;
  for (config::WatchedFile& file : files_) {
    config::FileFingerprint now = file.is_folder ? look.folder(file.path) : look.fingerprint(file.path);
    const bool is_same = now == file.fingerprint && !(file.content && has_other_content(file));
    if (is_same) continue;
    changes.paths.push_back(file.path);
    changes.fingerprints.push_back(std::move(now));
  }
  return changes;
}

bool FileWatcher::knows(const config::FileLook::Places& places) const {
  return std::ranges::equal(folders_, places, [](const auto& folder, const auto& place) {
    return folder.first == place.first && folder.second->place == place.second && !folder.second->is_stale;
  });
}

void FileWatcher::follow(const config::FileLook::Places& places) {
  std::erase_if(folders_, [&](const auto& folder) { return !places.contains(folder.first); });
  for (const auto& [path, place] : places) {
    auto& folder = folders_[path];
    const bool is_same =
        folder && !folder->is_stale && folder->place.device == place.device && folder->place.inode == place.inode;
    if (is_same) {
      folder->place = place;
    } else {
      folder.reset();  // before: libuv has one watch an inode
      folder = listen(path, place);
    }
  }
}

void FileWatcher::tell_deafness() {
  const auto deaf = std::ranges::find_if(folders_, [](const auto& folder) { return !folder.second->handle; });
  if (hears_all_ && deaf != folders_.end()) {
    core::log_event(core::LogLevel::warning,
                    "the system does not tell of changed files; they are looked at from time to time",
                    {{"folder", deaf->first}, {"seconds", static_cast<std::int64_t>(times_.poll.count() / 1000)}});
  }
  hears_all_ = deaf == folders_.end();
}

// Without a handle if the system refuses: no more inotify instances or watches, a folder that can't be read.
std::unique_ptr<FileWatcher::Folder> FileWatcher::listen(const std::string& path,
                                                         const config::FileLook::Place& place) {
  auto folder = std::make_unique<Folder>(*this, place, path.substr(path.rfind('/') + 1));
  const int made =
      folder->handle.init([&](uv_fs_event_t* handle) { return uv_fs_event_init(loop_.get(), handle); }, folder.get());
  if (made != 0) return folder;
  const int started = uv_fs_event_start(
      folder->handle.get(),
      [](uv_fs_event_t* handle, const char* name, int events, int status) {
        auto* self = core::UvHandle<uv_fs_event_t>::owner<Folder>(handle);
        if (self == nullptr) return;
        self->watcher.on_event(*self, status == 0 ? name : nullptr, (events & UV_RENAME) != 0);
      },
      path.c_str(), 0);
  if (started != 0) folder->handle.close();
  return folder;
}

}  // namespace gateway::gatewayd
