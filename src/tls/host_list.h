#pragma once

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "tls/host_options.h"

namespace gateway::tls {

// The virtual hosts of a snapshot, null for one without TLS, with the digests of what their contexts are built from:
// taken once, not by each worker.
class HostList {
 public:
  struct Entry {
    std::shared_ptr<const HostOptions> options;
    core::Sha256 content{};  // content_digest_of() the options; of null nothing
  };

  HostList() = default;
  HostList(std::initializer_list<std::shared_ptr<const HostOptions>> hosts) {
    for (const auto& host : hosts) add(host);
  }
  explicit HostList(const std::vector<std::shared_ptr<const HostOptions>>& hosts) {
    for (const auto& host : hosts) add(host);
  }

  void add(std::shared_ptr<const HostOptions> host) {
    const core::Sha256 content = host ? content_digest_of(*host) : core::Sha256{};
    entries_.push_back({.options = std::move(host), .content = content});
  }
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace gateway::tls
