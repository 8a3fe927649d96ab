#pragma once

#include <uv.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/file_fingerprint.h"
#include "core/event_loop.h"
#include "core/uv_handle.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// Tells when one of some files is no longer what was read, through symbolic links and folders that come and go. Events
// of the file system only say when to look; fingerprints decide. A slow poll finds what events can't tell. Control
// thread only.
class FileWatcher {
 public:
  struct Times {
    core::Milliseconds quiet{200};      // without events before it looks, so that a writer can finish
    core::Milliseconds at_most{2'000};  // that it waits for such a quiet time
    core::Milliseconds poll{10'000};
  };
  // The changed paths, in the order of watch().
  using OnChange = std::function<void(const std::vector<std::string>& paths)>;

  FileWatcher(core::EventLoop& loop, OnChange on_change, Times times);
  FileWatcher(core::EventLoop& loop, OnChange on_change) : FileWatcher(loop, std::move(on_change), Times()) {}
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

  // From now on these files, as they were when they were read; what changed since then counts. `on_change` is called
  // once, later; after that the watcher is silent until the next watch().
  void watch(std::vector<config::WatchedFile> files);
  // From the next change on.
  void set_times(Times times) { times_ = times; }
  void stop();

  [[nodiscard]] bool is_active() const { return active_; }
  [[nodiscard]] std::size_t file_count() const { return files_.size(); }
  // Folders whose events are heard.
  [[nodiscard]] std::size_t folder_count() const { return folders_.size(); }
  // False if the system refused to watch some folder: what happens there is found by the poll only.
  [[nodiscard]] bool hears_all() const { return hears_all_; }

 private:
  struct Folder;

  struct Changes {
    std::vector<std::string> paths;
    std::vector<config::FileFingerprint> fingerprints;  // as they are now
  };

  void on_event(Folder& folder, const char* name, bool is_rename);
  void expect_change(bool heard);
  void on_quiet();
  void on_poll();
  Changes look();
  Changes compare(config::FileLook& look);
  bool knows(const config::FileLook::Places& places) const;
  void follow(const config::FileLook::Places& places);
  void tell_deafness();
  std::unique_ptr<Folder> listen(const std::string& path, const config::FileLook::Place& place);

  core::EventLoop& loop_;
  OnChange on_change_;
  Times times_;
  bool active_ = false;
  bool told_ = false;  // a change; silent since then
  bool hears_all_ = true;
  std::vector<config::WatchedFile> files_;
  std::map<std::string, std::unique_ptr<Folder>> folders_;  // by real path

  // Of a change that is expected.
  std::uint64_t latest_look_ = 0;               // the loop's time
  bool heard_ = false;                          // by an event, so that silence means that the writer is done
  std::vector<config::FileFingerprint> found_;  // by the poll: the writer is done when they stay

  Timer quiet_;
  Timer poll_;
};

}  // namespace gateway::gatewayd
