#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/host_table.h"
#include "tls/judge.h"
#include "tls/session_cache.h"
#include "tls/tls_session.h"
#include "tls/worker_context_set.h"

namespace gateway::tls {

// What our OpenSSL callbacks know of the connection that they are called for. Owned by its TlsSession.
struct ConnectionState {
  const WorkerContextSet& contexts;
  const core::HostTable& hosts;
  HandshakeReport report;
  bool hello_seen = false;                   // a ClientHello was parsed by OpenSSL
  std::shared_ptr<const VerifiedPeer> peer;  // set when a chain verified or a session resumed
  // What the last look-up in the session cache gave to OpenSSL; null if that was nothing. A HelloRetryRequest makes
  // two.
  std::shared_ptr<const CachedSession> offered = nullptr;
  // The session that the handshake has made: cached, with its peer, once the handshake is proven as a whole.
  std::shared_ptr<CachedSession> made = nullptr;

  // The first reason given is the one that stands.
  void refuse(core::Reason reason, std::string detail) {
    if (report.reason != core::Reason::none) return;
    report.reason = reason;
    report.detail = std::move(detail);
  }
  // Null until the ClientHello chose one.
  [[nodiscard]] const HostOptions* host_options() const { return report.host ? contexts.host(*report.host) : nullptr; }
  [[nodiscard]] const HostContext* host_context() const {
    return report.host ? contexts.host_context(*report.host) : nullptr;
  }
  // Whether a refusal for `reason` lets the handshake go on, so that HTTP can tell it: only where the host says so, and
  // only what its client's certificate is to blame for.
  [[nodiscard]] bool tells_by_http(core::Reason reason) const {
    const HostContext* host = host_context();
    return host != nullptr && host->client_auth() != ClientAuth::off && host->on_refusal() == OnRefusal::http &&
           core::is_about_client_certificate(reason);
  }
};

// False only for want of memory. `state` outlives `ssl`.
bool attach_state(SSL* ssl, ConnectionState& state);
// Null if none is attached: callbacks then refuse.
ConnectionState* state_of(const SSL* ssl) noexcept;

// Calls `body` from a C callback: an exception (out of memory) must not cross OpenSSL and gives `fallback`, the
// refusal.
template <typename T, typename Body>
T guarded(T fallback, Body body) noexcept {
  try {
    return body();
  } catch (...) {
    return fallback;
  }
}

}  // namespace gateway::tls
