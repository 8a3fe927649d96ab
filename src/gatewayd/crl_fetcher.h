#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/crl_source.h"
#include "core/event_loop.h"
#include "fetch/http_fetcher.h"
#include "gatewayd/crl_report.h"
#include "gatewayd/state_directory.h"

namespace gateway::gatewayd {

class CrlDownload;

// Keeps the CRLs of `crl: ["http://…"]` up to date: fetches each at once and then every `refresh`, sooner when its
// nextUpdate nears, with a growing pause after failures; what may replace the last good copy (tls/crl_update.h) is
// written to the state directory. Lives on the status thread; parsing and writing are done on libuv's pool.
class CrlFetcher {
 public:
  // So many at once; others wait for their turn.
  static constexpr std::size_t kMaxRunning = 4;
  static constexpr std::size_t kMaxBytes = 64 << 20;  // a CRL of a million entries has about 40 MB
  static constexpr core::Milliseconds kTimeout{120'000};

  struct Parts {
    core::EventLoop& loop;
    fetch::HttpFetcher& fetcher;  // outlives this
    std::function<void(CrlReport)> report;
  };
  explicit CrlFetcher(Parts parts);
  ~CrlFetcher();
  CrlFetcher(const CrlFetcher&) = delete;
  CrlFetcher& operator=(const CrlFetcher&) = delete;

  // The sources from now on. Those that are known keep their time-table and their numbers, others are forgotten.
  void watch(std::vector<config::CrlSource> sources, const StateDirectory& directory);

 private:
  friend class CrlDownload;
  // A download may begin, if there is a place for it.
  bool take_place();
  void give_place();
  void report(bool has_new);

  Parts parts_;
  std::size_t running_ = 0;
  std::map<std::string, std::unique_ptr<CrlDownload>> downloads_;  // by URL
};

}  // namespace gateway::gatewayd
