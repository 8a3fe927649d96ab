#pragma once

#include "core/event_loop.h"
#include "fetch/http_fetcher.h"
#include "gatewayd/status_message.h"

namespace gateway::gatewayd {

// Everything that lives on the status thread and dies with it. Made, used and destroyed on that thread.
class StatusServices {
 public:
  explicit StatusServices(core::EventLoop& loop) : loop_(loop), fetcher_(loop) {}

  void handle(StatusMessage&& message);
  // See HttpFetcher.
  [[nodiscard]] std::shared_ptr<const std::size_t> running_lookups() const { return fetcher_.running_lookups(); }

 private:
  core::EventLoop& loop_;
  fetch::HttpFetcher fetcher_;
};

}  // namespace gateway::gatewayd
