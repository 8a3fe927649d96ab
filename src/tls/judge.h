#pragma once

#include <chrono>
#include <memory>

#include "core/peer_identity.h"
#include "core/reason.h"
#include "tls/chain_elements.h"
#include "tls/host_options.h"
#include "tls/known_revocations.h"

namespace gateway::tls {

// A chain whose signatures, path and purpose were verified: leaf first, the trust anchor last. Says nothing on time or
// revocation: only judge() does.
struct VerifiedChain {
  ChainElements elements;
  // Of every session that grows out of the full handshake: when that was, and the absolute end that it set.
  std::chrono::sys_seconds session_start{};
  std::chrono::sys_seconds session_deadline{};
  friend bool operator==(const VerifiedChain&, const VerifiedChain&) = default;
};

// What is known of an authenticated peer; shared by the connection, its requests and its log lines.
struct VerifiedPeer {
  std::shared_ptr<const core::PeerIdentity> identity;  // never null; handshakes with one certificate share it
  VerifiedChain chain;
  // Of the leaf, for OCSP; null if the leaf is an anchor itself, or the session was resumed on a worker that has not
  // met the issuer.
  std::shared_ptr<const Der> issuer;
};

// The one verdict on time, revocation and anchors. Full, resumed and live connections all come here: `now` is the wall
// clock, `host` the options of today's snapshot, `known` what the worker knows today. Reason::none admits. Fails
// closed: whatever can't be decided is refused. That OCSP knows nothing of the leaf yet refuses nobody here: the
// connection asks and waits (proxy/ocsp_desk).
core::Reason judge(const VerifiedChain& chain, std::chrono::sys_seconds now, const HostOptions& host,
                   const RevocationKnowledge& known);

// judge() for the log: which element of the chain it was, counted from the leaf. Without OCSP, whose refusal is a 403
// after the handshake whether the answer came before it or after.
struct Verdict {
  core::Reason reason = core::Reason::none;
  std::size_t element = 0;
  bool ordered = false;  // revoked by the operator's order, not by a CRL
};
Verdict judge_elements(const VerifiedChain& chain, std::chrono::sys_seconds now, const HostOptions& host,
                       const RevocationKnowledge& known);

// The verdict on a live connection under a (possibly newer) snapshot's host: mode against what was proven, then
// judge(). `peer` is null for an anonymous client.
core::Reason judge_live(const VerifiedPeer* peer, std::chrono::sys_seconds now, const HostOptions& host,
                        const RevocationKnowledge& known);

// What a live connection's host asks of a chain now and did not ask before, and what the chain as it is kept can't be
// judged by: then only a new handshake can tell. Reason::none if there is nothing of the kind.
core::Reason judge_stricter_host(const VerifiedPeer* peer, const HostOptions& before, const HostOptions& now);

}  // namespace gateway::tls
