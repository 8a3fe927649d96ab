#include "proxy/snapshot_index.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "tls/crl_index.h"

namespace gateway::proxy {

SnapshotIndex::SnapshotIndex(std::shared_ptr<const Snapshot> snapshot) : snapshot_(std::move(snapshot)) {
  std::unordered_set<const tls::TrustSet*> seen;
  hosts_.reserve(snapshot_->virtual_hosts.size());
  for (std::uint32_t i = 0; i < snapshot_->virtual_hosts.size(); ++i) {
    const VirtualHost& host = snapshot_->virtual_hosts[i];
    hosts_.emplace(host.name, i);
    const tls::TrustSet* trust = host.tls ? host.tls->trust.get() : nullptr;
    if (trust != nullptr && seen.insert(trust).second) trust_sets_[trust->name].push_back(trust);
  }
}

std::optional<std::uint32_t> SnapshotIndex::host_named(std::string_view name) const {
  const auto found = hosts_.find(name);
  if (found == hosts_.end()) return std::nullopt;
  return found->second;
}

bool SnapshotIndex::is_trusted(std::string_view trust, const core::Sha256& anchor) const {
  const auto found = trust_sets_.find(trust);
  return found != trust_sets_.end() &&
         std::ranges::any_of(found->second, [&](const tls::TrustSet* set) { return set->crls->is_anchor(anchor); });
}

}  // namespace gateway::proxy
