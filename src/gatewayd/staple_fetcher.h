#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "config/staple_source.h"
#include "core/event_loop.h"
#include "fetch/http_fetcher.h"
#include "gatewayd/staple_report.h"
#include "gatewayd/state_directory.h"

namespace gateway::gatewayd {

class StapleDownload;

// Keeps OCSP responses for our own certificates: asks each certificate's responder at once, and again when half of a
// response's time is over; the last good one is used as long as it is valid, also after a restart. Only `good` is
// stapled. A CA that says `revoked` ends it at once: an older `good` would hide that. The bad news itself is not
// stapled, as nginx and HAProxy don't either: it is for the operator, by log and alert, and clients that care ask the
// CA themselves as soon as there is no staple. Lives on the status thread.
class StapleFetcher {
 public:
  static constexpr std::size_t kMaxRunning = 4;
  static constexpr core::Milliseconds kTimeout{15'000};

  struct Parts {
    core::EventLoop& loop;
    fetch::HttpFetcher& fetcher;  // outlives this
    std::function<void(StapleReport)> report;
  };
  explicit StapleFetcher(Parts parts);
  ~StapleFetcher();
  StapleFetcher(const StapleFetcher&) = delete;
  StapleFetcher& operator=(const StapleFetcher&) = delete;

  // The certificates from now on. Those that are known keep their staples, others are forgotten.
  void watch(std::vector<config::StapleSource> sources, const StateDirectory& directory);

 private:
  friend class StapleDownload;
  bool take_place();
  void give_place() { --running_; }
  void report();

  Parts parts_;
  std::size_t running_ = 0;
  std::map<core::Sha256, std::unique_ptr<StapleDownload>> downloads_;
};

}  // namespace gateway::gatewayd
