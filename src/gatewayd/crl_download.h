#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/crl_source.h"
#include "core/result.h"
#include "gatewayd/background_work.h"
#include "gatewayd/crl_fetcher.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// The life of one URL in CrlFetcher: wait, fetch, check and write, report, wait.
class CrlDownload {
 public:
  CrlDownload(CrlFetcher& owner, config::CrlSource source, StateDirectory directory);
  ~CrlDownload();
  CrlDownload(const CrlDownload&) = delete;
  CrlDownload& operator=(const CrlDownload&) = delete;

  // The same URL, perhaps with other issuers or another interval: then it is asked for at once, or once more
  // as soon as what is under way is over.
  void update(config::CrlSource source);
  [[nodiscard]] const CrlSourceState& state() const { return state_; }

 private:
  void begin();
  void on_response(fetch::FetchResult result);
  void check(std::string bytes);
  void succeed(bool is_new);
  void fail(std::uint64_t CrlSourceState::* count, std::string fault);
  void wait(core::Milliseconds pause);
  void release();

  CrlFetcher& owner_;
  config::CrlSource source_;
  StateDirectory directory_;
  CrlSourceState state_;
  Timer timer_;
  std::unique_ptr<fetch::Fetch> fetch_;
  std::unique_ptr<BackgroundWork> work_;
  bool has_place_ = false;      // it is under way
  bool again_ = false;          // something has changed meanwhile
  std::uint64_t failures_ = 0;  // in a row
  // Of the copy in the state directory.
  std::string etag_;
  std::string last_modified_;
  std::string offered_etag_;  // and of the one that is being checked
  std::string offered_last_modified_;
  std::optional<std::chrono::sys_seconds> next_update_;
};

}  // namespace gateway::gatewayd
