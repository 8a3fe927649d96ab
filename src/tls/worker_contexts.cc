#include "tls/worker_contexts.h"

#include <map>
#include <set>

#include "tls/crl_index.h"
#include "tls/digest.h"
#include "tls/worker_context_set.h"

namespace gateway::tls {
namespace {

// Hosts of one trust set share one store of its anchors.
class AnchorStores {
 public:
  explicit AnchorStores(OSSL_LIB_CTX* library) : library_(library) {}

  core::Result<X509_STORE*> find(const TrustSet& trust) {
    FieldDigest digest;
    for (const Der& anchor : trust.anchors) digest.add(anchor);
    StorePtr& store = stores_[digest.finish()];
    if (!store) {
      TRY(store, build_anchor_store(trust.anchors, library_));
    }
    return store.get();
  }

 private:
  OSSL_LIB_CTX* library_;
  std::map<core::Sha256, StorePtr> stores_;
};

const CrlIndex* crls_of(const HostOptions* host) {
  return host != nullptr && host->trust ? host->trust->crls.get() : nullptr;
}

}  // namespace

core::Result<std::shared_ptr<const WorkerContexts>> WorkerContexts::build(
    std::shared_ptr<WorkerLibrary> library, const std::vector<std::shared_ptr<const HostOptions>>& hosts,
    std::shared_ptr<const TicketKeys> ticket_keys, const WorkerContexts* previous) {
  return WorkerContextSet::build(std::move(library), hosts, std::move(ticket_keys), previous);
}

core::Result<std::shared_ptr<const WorkerContextSet>> WorkerContextSet::build(
    std::shared_ptr<WorkerLibrary> library, const std::vector<std::shared_ptr<const HostOptions>>& hosts,
    std::shared_ptr<const TicketKeys> ticket_keys, const WorkerContexts* previous) {
  if (!library || !ticket_keys) {
    return core::fail(core::Reason::internal, core::Side::gateway, "OpenSSL gives no library context or no randomness");
  }
  const auto* old = static_cast<const WorkerContextSet*>(previous);
  std::map<core::Sha256, std::shared_ptr<const HostContext>> reusable;
  if (old != nullptr && old->library_ == library) {
    for (const Host& host : old->hosts_) {
      if (host.context) reusable.emplace(host.context->content_digest(), host.context);
    }
  }
  std::shared_ptr<WorkerContextSet> set(new WorkerContextSet);
  set->library_ = std::move(library);
  set->ticket_keys_ = std::static_pointer_cast<const TicketKeyRing>(std::move(ticket_keys));
  TRY(set->listener_, build_listener_context(*set->library_));
  AnchorStores stores(set->library_->context());
  for (const auto& options : hosts) {
    Host& host = set->hosts_.emplace_back(Host{options, nullptr});
    if (!options) continue;
    if (const auto found = reusable.find(content_digest_of(*options)); found != reusable.end()) {
      host.context = found->second;
      continue;
    }
    X509_STORE* store = nullptr;
    if (options->trust) {
      TRY(store, stores.find(*options->trust));
    }
    auto built = HostContext::build(set->library_, *options, store);
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
  std::map<std::string_view, const CrlIndex*> old_by_name;
  for (const Host& host : previous.hosts_) {
    if (const CrlIndex* crls = crls_of(host.options.get())) old_by_name.emplace(host.options->name, crls);
  }
  std::set<std::pair<const CrlIndex*, const CrlIndex*>> done;
  for (const Host& host : hosts_) {
    const CrlIndex* crls = crls_of(host.options.get());
    if (crls == nullptr) continue;
    const auto found = old_by_name.find(host.options->name);
    if (found != old_by_name.end() && done.emplace(crls, found->second).second) crls->show_issuers_of(*found->second);
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
