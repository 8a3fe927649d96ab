#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/load.h"
#include "core/log.h"

namespace gateway::gatewayd {

// A certificate or CRL that runs out while it is in service. A load warns of what is near its end then; a daemon that
// nobody reloads for months has to say it later.
struct ExpiryNotice {
  core::LogLevel level = core::LogLevel::warning;  // error: it has ended
  std::string message;                             // "a server certificate ends within 7 days"
  std::string name;                                // the certificate's subject, the CRL's issuer
  std::string used_by;                             // virtual host (the first of several) or trust set
  std::chrono::sys_seconds end{};
  friend bool operator==(const ExpiryNotice&, const ExpiryNotice&) = default;
};

// What has become due in (`after`, `now`]: certificates 14, 7 and 1 days before their end, CRLs an hour, and both when
// it has come. One notice each, however much time has passed and however many virtual hosts share it.
std::vector<ExpiryNotice> expiry_notices(const config::LoadedConfig& config, std::chrono::sys_seconds after,
                                         std::chrono::sys_seconds now);

}  // namespace gateway::gatewayd
