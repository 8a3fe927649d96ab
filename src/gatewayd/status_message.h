#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/crl_source.h"
#include "config/staple_source.h"
#include "gatewayd/crl_report.h"
#include "gatewayd/ocsp_report.h"
#include "gatewayd/staple_report.h"
#include "proxy/ocsp_message.h"

namespace gateway::gatewayd {

// To the status thread. The closed list.
struct WatchCrls {  // from now on, instead of those before
  std::vector<config::CrlSource> sources;
  std::string state_directory;
};
struct WatchStaples {  // likewise
  std::vector<config::StapleSource> sources;
  std::string state_directory;
};
struct StopStatus {};  // the thread ends after it
using StatusMessage = std::variant<proxy::OcspQuery, WatchCrls, WatchStaples, StopStatus>;

// From the status thread to the control thread. The closed list.
using StatusReport = std::variant<OcspReport, CrlReport, StapleReport>;

}  // namespace gateway::gatewayd
