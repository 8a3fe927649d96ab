#include "tls/worker_contexts.h"

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "tls/anchor_store.h"
#include "tls/crl_index.h"
#include "tls/worker_context_set.h"

namespace gateway::tls {
namespace {

const CrlIndex* crls_of(const HostOptions* host) {
  return host != nullptr && host->trust ? host->trust->crls.get() : nullptr;
}

}  // namespace

// What the contexts before give, by the digest of what they were built from. Most hosts stand where they stood.
class WorkerContextSet::Reusable {
 public:
  // May be null: nothing can be reused.
  explicit Reusable(const WorkerContextSet* previous) : previous_(previous) {}

  std::shared_ptr<const HostContext> find(std::size_t index, const core::Sha256& content) {
    if (previous_ == nullptr) return nullptr;
    if (index < previous_->hosts_.size()) {
      const auto& same_place = previous_->hosts_[index].context;
      if (same_place && same_place->content_digest() == content) return same_place;
    }
    const auto found = elsewhere().find(content);
    return found == elsewhere().end() ? nullptr : found->second;
  }

 private:
  using ByContent = std::map<core::Sha256, std::shared_ptr<const HostContext>>;
  const ByContent& elsewhere() {
    if (by_content_) return *by_content_;
    by_content_.emplace();
    for (const Host& host : previous_->hosts_) {
      if (host.context) by_content_->emplace(host.context->content_digest(), host.context);
    }
    return *by_content_;
  }

  const WorkerContextSet* previous_;
  std::optional<ByContent> by_content_;
};

core::Result<std::shared_ptr<const WorkerContexts>> WorkerContexts::build(std::shared_ptr<WorkerLibrary> library,
                                                                          const HostList& hosts,
                                                                          std::shared_ptr<const TicketKeys> ticket_keys,
                                                                          const WorkerContexts* previous) {
  return WorkerContextSet::build(std::move(library), hosts, std::move(ticket_keys), previous);
}

core::Result<std::shared_ptr<const WorkerContextSet>> WorkerContextSet::build(
    std::shared_ptr<WorkerLibrary> library, const HostList& hosts, std::shared_ptr<const TicketKeys> ticket_keys,
    const WorkerContexts* previous) {
  if (!library || !ticket_keys) {
    return core::fail(core::Reason::internal, core::Side::gateway, "OpenSSL gives no library context or no randomness");
  }
  const auto* old = static_cast<const WorkerContextSet*>(previous);
  Reusable reusable(old != nullptr && old->library_ == library ? old : nullptr);
  std::shared_ptr<WorkerContextSet> set(new WorkerContextSet);
  set->library_ = std::move(library);
  set->ticket_keys_ = std::static_pointer_cast<const TicketKeyRing>(std::move(ticket_keys));
  TRY(set->listener_, build_listener_context(*set->library_));
  AnchorStores stores(set->library_->context());
  set->hosts_.reserve(hosts.entries().size());
  for (const auto& [options, content] : hosts.entries()) {
    Host& host = set->hosts_.emplace_back(Host{options, nullptr});
    if (!options) continue;
    host.context = reusable.find(set->hosts_.size() - 1, content);
    if (host.context) continue;
    const AnchorStore* anchors = nullptr;
    if (options->trust) {
      TRY(anchors, stores.find(*options->trust));
    }
    auto built = HostContext::build(set->library_, *options, anchors);
    if (!built) {
      built.error().detail = "virtual host " + options->name + ": " + built.error().detail;
      return std::unexpected(std::move(built.error()));
    }
    host.context = std::move(*built);
  }
  if (old != nullptr) set->show_issuers_of(*old);
  return set;
}

void WorkerContextSet::show_issuers_of(const WorkerContextSet& previous) const {
  std::map<std::string_view, const HostOptions*> by_name;  // filled once a host stands in another place than before
  const auto before = [&](std::size_t index) -> const HostOptions* {
    const std::string& name = hosts_[index].options->name;
    const HostOptions* const same_place =
        index < previous.hosts_.size() ? previous.hosts_[index].options.get() : nullptr;
    if (same_place != nullptr && same_place->name == name) return same_place;
    for (std::size_t i = by_name.empty() ? 0 : previous.hosts_.size(); i < previous.hosts_.size(); ++i) {
      if (const HostOptions* host = previous.hosts_[i].options.get()) by_name.emplace(host->name, host);
    }
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : found->second;
  };
  std::set<std::pair<const CrlIndex*, const CrlIndex*>> done;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const CrlIndex* const crls = crls_of(hosts_[i].options.get());
    const CrlIndex* const old = crls != nullptr ? crls_of(before(i)) : nullptr;
    if (old != nullptr && done.emplace(crls, old).second) crls->show_issuers_of(*old);
  }
}

const HostOptions* WorkerContextSet::host(std::uint32_t index) const {
  return index < hosts_.size() ? hosts_[index].options.get() : nullptr;
}

RevocationKnowledge& WorkerContextSet::revocations() const {
  return library_->revocations();
}

StapleBox& WorkerContextSet::staples() const {
  return library_->staples();
}

VerificationCounts WorkerContextSet::verification_counts() const {
  const KnownClients& known = known_clients();
  const ChainCache::Counts& chains = known.chains.counts();
  const SharedCertificates::Counts& certificates = known.certificates.counts();
  return {.chain_hits = chains.hits,
          .chain_misses = chains.misses,
          .chain_evictions = chains.evictions,
          .chains = known.chains.size(),
          .paths_verified = known.issuers.counts().full,
          .leaves_verified = known.issuers.counts().leaves,
          .certificates_parsed = certificates.parsed,
          .certificates_shared = certificates.shared};
}

const HostContext* WorkerContextSet::host_context(std::uint32_t index) const {
  return index < hosts_.size() ? hosts_[index].context.get() : nullptr;
}

}  // namespace gateway::tls
