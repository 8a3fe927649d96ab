#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"
#include "core/event_loop.h"
#include "gatewayd/file_watcher.h"
#include "gatewayd/load_trace.h"
#include "gatewayd/stale_items.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// Decides which files are watched, and what becomes of a change: a rotation of the files, or, if the config is watched
// too, a reload. Control thread only.
class FileRotation {
 public:
  // What is at fault is tried again so often: a certificate that is not valid yet changes without its file.
  static constexpr core::Milliseconds kRetryInterval{60'000};

  struct Actions {
    std::function<void()> reload;
    std::function<void()> rotate;
    std::function<bool()> is_busy;  // a load or rotation has begun: after it the files are compared again
  };

  FileRotation(core::EventLoop& loop, Actions actions);

  // After each load and rotation. `current` is what is served now; null before the first.
  void after(LoadTrace trace, const config::LoadedConfig* current);
  // For good.
  void stop();

  [[nodiscard]] const FileWatcher& watcher() const { return watcher_; }
  [[nodiscard]] const StaleItems& stale() const { return stale_; }

 private:
  void on_change(const std::vector<std::string>& changed);
  void watch();

  Actions actions_;
  bool stopped_ = false;
  bool failed_ = false;  // the last rotation, as a whole
  config::Watch mode_ = config::Watch::off;
  std::vector<config::WatchedFile> served_;   // what was read last of the config that is served
  std::vector<config::WatchedFile> refused_;  // what a refused load has read since then
  StaleItems stale_;
  FileWatcher watcher_;
  Timer retry_;
};

}  // namespace gateway::gatewayd
