#pragma once

#include <functional>
#include <memory>

#include "core/event_loop.h"
#include "fetch/http_fetcher.h"
#include "gatewayd/crl_fetcher.h"
#include "gatewayd/ocsp_service.h"
#include "gatewayd/staple_fetcher.h"
#include "gatewayd/status_message.h"

namespace gateway::gatewayd {

// Everything that lives on the status thread and dies with it. Made, used and destroyed on that thread.
class StatusServices {
 public:
  // `report` outlives this.
  StatusServices(core::EventLoop& loop, const std::function<void(StatusReport)>& report);

  void handle(StatusMessage&& message);
  // See HttpFetcher.
  [[nodiscard]] std::shared_ptr<const std::size_t> running_lookups() const { return fetcher_.running_lookups(); }

 private:
  core::EventLoop& loop_;
  fetch::HttpFetcher fetcher_;
  OcspService ocsp_;
  CrlFetcher crls_;
  StapleFetcher staples_;
};

}  // namespace gateway::gatewayd
