#pragma once

#include <memory>
#include <vector>

#include "tls/server_context.h"
#include "tls/ticket_key_ring.h"
#include "tls/worker_contexts.h"

namespace gateway::tls {

// The one implementation of WorkerContexts, as the rest of this folder sees it.
class WorkerContextSet final : public WorkerContexts {
 public:
  static core::Result<std::shared_ptr<const WorkerContextSet>> build(std::shared_ptr<WorkerLibrary> library,
                                                                     const HostList& hosts,
                                                                     std::shared_ptr<const TicketKeys> ticket_keys,
                                                                     const WorkerContexts* previous);

  [[nodiscard]] const HostOptions* host(std::uint32_t index) const override;
  [[nodiscard]] RevocationKnowledge& revocations() const override;
  [[nodiscard]] StapleBox& staples() const override;
  [[nodiscard]] VerificationCounts verification_counts() const override;
  [[nodiscard]] KnownClients& known_clients() const { return library_->known_clients(); }
  // Null for an index out of range or a host without TLS.
  [[nodiscard]] const HostContext* host_context(std::uint32_t index) const;
  [[nodiscard]] SSL_CTX* listener() const { return listener_.get(); }
  [[nodiscard]] const WorkerLibrary& library() const { return *library_; }
  [[nodiscard]] const TicketKeyRing& ticket_keys() const { return *ticket_keys_; }

 private:
  class Reusable;
  WorkerContextSet() = default;
  // Lets new CRLs know the intermediate CAs that the previous snapshot's hosts of the same names have met.
  void show_issuers_of(const WorkerContextSet& previous) const;

  struct Host {
    std::shared_ptr<const HostOptions> options;  // of this snapshot, with its CRLs
    std::shared_ptr<const HostContext> context;  // maybe an older snapshot's
  };
  std::shared_ptr<WorkerLibrary> library_;
  SslContextPtr listener_;
  std::vector<Host> hosts_;
  std::shared_ptr<const TicketKeyRing> ticket_keys_;
};

}  // namespace gateway::tls
