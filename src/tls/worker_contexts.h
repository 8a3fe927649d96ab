#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/result.h"
#include "tls/host_list.h"
#include "tls/known_revocations.h"
#include "tls/staples.h"

namespace gateway::tls {

class TicketKeys;    // tls/ticket_keys.h
class SessionCache;  // tls/session_cache.h
class HostContext;   // internal: an SSL_CTX and what it was built from

// The OpenSSL library context of one worker. Made by the control thread, outlives everything built in it (shared
// ownership).
class WorkerLibrary;
// Null if OpenSSL can't be set up.
std::shared_ptr<WorkerLibrary> make_worker_library();
// What a worker knows of revoked certificates: before its thread runs, for the control thread.
RevocationKnowledge& revocations_of(WorkerLibrary& library) noexcept;
// Gives a worker, before contexts are built for it, the sessions that it shares with others; it begins with its own.
void share_sessions(WorkerLibrary& library, std::shared_ptr<SessionCache> sessions);
// With another wall clock, which everything in this worker asks: tests move it.
using WallClock = std::function<std::chrono::sys_seconds()>;
std::shared_ptr<WorkerLibrary> make_worker_library(WallClock clock);

// How often a worker could spare itself the verification of a client's chain, and libssl the parsing of a certificate.
struct VerificationCounts {
  std::uint64_t chain_hits = 0;
  std::uint64_t chain_misses = 0;  // chains that were verified in full, accepted or not
  std::uint64_t chain_evictions = 0;
  std::uint64_t chains = 0;           // known now
  std::uint64_t paths_verified = 0;   // of the misses that had a path: all of its signatures were checked
  std::uint64_t leaves_verified = 0;  // or the leaf's only, under issuers that were known
  std::uint64_t certificates_parsed = 0;
  std::uint64_t certificates_shared = 0;
};
// False where this program can't share parsed certificates: then libssl parses each one that a client shows.
bool can_share_certificates();

// All TLS contexts of one worker for one snapshot: the poisoned listener context and one HostContext per TLS virtual
// host, indexed as the snapshot's virtual hosts are (null for a host without TLS). Immutable once built, used by one
// worker.
class WorkerContexts {
 public:
  // Runs on the control thread. Hosts whose content digest is equal to one in `previous` (may be null) reuse its
  // context.
  static core::Result<std::shared_ptr<const WorkerContexts>> build(std::shared_ptr<WorkerLibrary> library,
                                                                   const HostList& hosts,
                                                                   std::shared_ptr<const TicketKeys> ticket_keys,
                                                                   const WorkerContexts* previous);
  virtual ~WorkerContexts() = default;

  [[nodiscard]] virtual const HostOptions* host(std::uint32_t index) const = 0;
  // The worker's, whichever of its contexts is asked: the one part that changes, on the worker's thread only. A change
  // counts for every later verdict; live connections must be judged again then.
  [[nodiscard]] virtual RevocationKnowledge& revocations() const = 0;
  // The worker's, whichever of its contexts is asked: changes on the worker's thread only.
  [[nodiscard]] virtual StapleBox& staples() const = 0;
  // Of the worker since it began, whichever of its contexts is asked; on its thread only.
  [[nodiscard]] virtual VerificationCounts verification_counts() const = 0;
};

}  // namespace gateway::tls
