#include "gatewayd/anchor_usage.h"

#include <algorithm>
#include <string_view>

namespace gateway::gatewayd {
namespace {

constexpr std::string_view kPrefix = "sha256:";

std::string text_of(const core::Sha256& fingerprint) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kPrefix);
  for (const std::uint8_t byte : fingerprint) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

}  // namespace

std::string AnchorUsage::short_fingerprint() const {
  return fingerprint.substr(kPrefix.size(), kShortFingerprint);
}

std::vector<AnchorUsage> anchor_usage(const config::LoadedConfig& config,
                                      const std::vector<std::shared_ptr<const proxy::WorkerMetrics>>& workers) {
  std::vector<AnchorUsage> usage;
  usage.reserve(config.anchors.size());
  for (const config::AnchorInfo& anchor : config.anchors) {
    AnchorUsage& one = usage.emplace_back();
    one.anchor = &anchor;
    one.fingerprint = text_of(anchor.fingerprint);
    for (const auto& worker : workers) {
      const auto found = worker->anchors.find({anchor.trust, anchor.fingerprint});
      if (found == worker->anchors.end()) continue;
      one.handshakes += found->second.handshakes;
      one.last = std::max(one.last.value_or(found->second.last), found->second.last);
    }
  }
  return usage;
}

}  // namespace gateway::gatewayd
