#include "gatewayd/file_rotation.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/log.h"

namespace gateway::gatewayd {
namespace {

// A CRL is in force within a second of its rename. A rotation that comes too early, in the middle of a file or between
// a certificate and its key, does no harm: it keeps what is in use, and the next one is near.
constexpr FileWatcher::Times kRotationTimes{
    .quiet = core::Milliseconds(100), .at_most = core::Milliseconds(500), .poll = core::Milliseconds(10'000)};

}  // namespace

FileRotation::FileRotation(core::EventLoop& loop, Actions actions)
    : actions_(std::move(actions)),
      stale_(loop),
      watcher_(loop, [this](const std::vector<std::string>& changed) { on_change(changed); }),
      retry_(loop, [this] {
        if (failed_ || !stale_.empty()) actions_.rotate();
      }) {}

void FileRotation::after(LoadTrace trace, const config::LoadedConfig* current) {
  if (stopped_ || current == nullptr) return;
  mode_ = current->watch;
  if (trace.kind == LoadTrace::Kind::rotation) {
    // One that failed as a whole has seen its files too: it is not tried again at once, but when something changes, or
    // in a minute.
    failed_ = !trace.failure.empty();
    // The config is not read by a rotation: it stays what the load found.
    std::erase_if(served_, [&](const auto& file) { return file.path != served_.front().path; });
    std::ranges::move(trace.files, std::back_inserter(served_));
    if (!failed_) stale_.on_rotation(trace.rotated, std::move(trace.kept));
  } else if (trace.taken) {
    served_ = std::move(trace.files);
    refused_.clear();
    failed_ = false;
    stale_.on_load();
  } else {
    refused_ = std::move(trace.files);
    // The config is at fault, or one of its files: the others are not to wait for it.
    if (mode_ != config::Watch::off && trace.trigger == "watch") actions_.rotate();
  }
  watch();
}

void FileRotation::watch() {
  if (mode_ == config::Watch::off) {
    retry_.stop();
    return watcher_.stop();
  }
  std::vector<config::WatchedFile> files;
  std::unordered_set<std::string_view> known;
  const bool all = mode_ == config::Watch::all;
  if (!all) known.insert(served_.front().path);
  // What a refused load has read tells when to try again, even if a rotation has read it since.
  if (all) files = refused_;
  for (const auto& file : refused_) {
    if (all) known.insert(file.path);
  }
  std::ranges::copy_if(served_, std::back_inserter(files),
                       [&](const auto& file) { return known.insert(file.path).second; });
  if (!watcher_.is_active()) {
    core::log_event(core::LogLevel::info, "watching files", {{"count", static_cast<std::int64_t>(files.size())}});
    retry_.start(kRetryInterval, kRetryInterval);
  }
  watcher_.set_times(all ? FileWatcher::Times{} : kRotationTimes);
  watcher_.watch(std::move(files));
}

void FileRotation::on_change(const std::vector<std::string>& changed) {
  if (actions_.is_busy()) return;
  core::log_event(core::LogLevel::info, "watched files changed",
                  {{"first", changed.front()}, {"count", static_cast<std::int64_t>(changed.size())}});
  if (mode_ == config::Watch::all) return actions_.reload();
  actions_.rotate();
}

void FileRotation::stop() {
  stopped_ = true;
  retry_.stop();
  watcher_.stop();
}

}  // namespace gateway::gatewayd
