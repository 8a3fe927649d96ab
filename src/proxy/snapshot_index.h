#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "proxy/snapshot.h"

namespace gateway::proxy {

// What workers look up in a snapshot by name. Made once by the control thread, so that no worker has to go through ten
// thousand hosts when it adopts them. Immutable; holds its snapshot.
class SnapshotIndex {
 public:
  explicit SnapshotIndex(std::shared_ptr<const Snapshot> snapshot);

  [[nodiscard]] const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  // Index of Snapshot::virtual_hosts.
  [[nodiscard]] std::optional<std::uint32_t> host_named(std::string_view name) const;
  // Whether a trust set of this name trusts `anchor`. There may be several: a rotation leaves a host whose files are at
  // fault with the one that it has.
  [[nodiscard]] bool is_trusted(std::string_view trust, const core::Sha256& anchor) const;

 private:
  // Views into snapshot_.
  std::shared_ptr<const Snapshot> snapshot_;
  std::unordered_map<std::string_view, std::uint32_t> hosts_;
  std::unordered_map<std::string_view, std::vector<const tls::TrustSet*>> trust_sets_;
};

}  // namespace gateway::proxy
