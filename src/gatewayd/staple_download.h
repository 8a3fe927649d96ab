#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/staple_source.h"
#include "gatewayd/background_work.h"
#include "gatewayd/staple_fetcher.h"
#include "gatewayd/timer.h"
#include "tls/ocsp_response.h"

namespace gateway::gatewayd {

// The life of one certificate in StapleFetcher: look for what an earlier process kept, then ask, report, wait.
class StapleDownload {
 public:
  StapleDownload(StapleFetcher& owner, config::StapleSource source, StateDirectory directory);
  ~StapleDownload();
  StapleDownload(const StapleDownload&) = delete;
  StapleDownload& operator=(const StapleDownload&) = delete;

  // The same certificate, perhaps with another responder: then that is asked at once.
  void update(config::StapleSource source);
  [[nodiscard]] const StapleState& state() const { return state_; }
  [[nodiscard]] const std::optional<tls::Staple>& staple() const { return staple_; }

 private:
  void look_for_kept();
  void begin();
  void on_response(fetch::FetchResult result);
  void take(std::string response, const tls::OcspAnswer& answer);
  void withdraw();
  void keep(std::optional<std::string> response);
  void fail(std::uint64_t StapleState::* count, std::string fault);
  void wait(core::Milliseconds pause);
  void release();
  [[nodiscard]] tls::OcspQuestion question() const;

  StapleFetcher& owner_;
  config::StapleSource source_;
  StateDirectory directory_;
  std::string file_;
  StapleState state_;
  std::optional<tls::Staple> staple_;
  std::chrono::sys_seconds this_update_{};  // of the staple in use
  Timer timer_;
  std::unique_ptr<fetch::Fetch> fetch_;
  std::unique_ptr<BackgroundWork> work_;
  bool looked_ = false;         // for what an earlier process kept
  bool has_place_ = false;      // it is under way
  bool again_ = false;          // something has changed meanwhile
  std::uint64_t failures_ = 0;  // in a row
};

}  // namespace gateway::gatewayd
