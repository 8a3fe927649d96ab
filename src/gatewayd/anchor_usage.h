#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"
#include "proxy/worker_metrics.h"

namespace gateway::gatewayd {

// How much one trust anchor is used: what tells whether an old CA may go.
struct AnchorUsage {
  const config::AnchorInfo* anchor = nullptr;
  std::uint64_t handshakes = 0;                         // full and resumed ones, of all workers, since it is trusted
  std::optional<std::chrono::sys_seconds> last;         // of them
  std::string fingerprint;                              // "sha256:" and 64 digits
  static constexpr std::size_t kShortFingerprint = 16;  // digits that tell anchors of one name apart in a label
  [[nodiscard]] std::string short_fingerprint() const;
};

// One for each of `config`'s anchors, in their order, also for those that nobody used.
std::vector<AnchorUsage> anchor_usage(const config::LoadedConfig& config,
                                      const std::vector<std::shared_ptr<const proxy::WorkerMetrics>>& workers);

}  // namespace gateway::gatewayd
