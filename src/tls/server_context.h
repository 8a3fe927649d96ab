#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/peer_identity.h"
#include "core/result.h"
#include "tls/anchor_store.h"
#include "tls/host_options.h"
#include "tls/openssl_ptr.h"
#include "tls/token_key.h"
#include "tls/worker_library.h"

namespace gateway::tls {

// The SSL_CTX of one TLS virtual host, and all of its settings that OpenSSL keeps per connection. Holds no CRL: those
// belong to the snapshot, while this is reused by the next one. Immutable, used by one worker.
class HostContext {
 public:
  // `anchors` are those of the host's trust set; null for a host without one.
  static core::Result<std::shared_ptr<const HostContext>> build(std::shared_ptr<WorkerLibrary> library,
                                                                const HostOptions& options, const AnchorStore* anchors);

  [[nodiscard]] SSL_CTX* ssl_context() const noexcept { return context_.get(); }
  [[nodiscard]] const core::Sha256& content_digest() const noexcept { return content_digest_; }
  [[nodiscard]] const core::Sha256& session_context() const noexcept { return session_context_; }
  [[nodiscard]] const core::Sha256& verification_context() const noexcept { return verification_context_; }
  [[nodiscard]] X509_VERIFY_PARAM* verify_param() const noexcept { return verify_param_.get(); }
  [[nodiscard]] ClientAuth client_auth() const noexcept { return client_auth_; }
  [[nodiscard]] OnRefusal on_refusal() const noexcept { return on_refusal_; }
  [[nodiscard]] bool session_tickets() const noexcept { return session_tickets_; }
  // Whether its sessions are cached in the process.
  [[nodiscard]] bool caches_sessions() const noexcept {
    return session_tickets_ && session_store_ == SessionStore::process;
  }
  [[nodiscard]] ProtocolVersion min_version() const noexcept { return min_version_; }
  [[nodiscard]] ProtocolVersion max_version() const noexcept { return max_version_; }
  [[nodiscard]] const std::string& groups() const noexcept { return groups_; }  // those that this OpenSSL has
  [[nodiscard]] std::size_t max_client_chain_bytes() const noexcept { return max_client_chain_bytes_; }

 private:
  explicit HostContext(std::shared_ptr<WorkerLibrary> library) : library_(std::move(library)) {}

  std::shared_ptr<WorkerLibrary> library_;                         // outlives what was built in it
  std::vector<std::shared_ptr<const OpenedTokenKey>> token_keys_;  // outlive the context that signs with them
  SslContextPtr context_;
  VerifyParamPtr verify_param_;
  core::Sha256 content_digest_{};
  core::Sha256 session_context_{};
  core::Sha256 verification_context_{};
  ClientAuth client_auth_ = ClientAuth::strict;
  OnRefusal on_refusal_ = OnRefusal::alert;
  bool session_tickets_ = false;
  SessionStore session_store_ = SessionStore::process;
  ProtocolVersion min_version_ = ProtocolVersion::tls12;
  ProtocolVersion max_version_ = ProtocolVersion::tls13;
  std::string groups_;
  std::size_t max_client_chain_bytes_ = 0;
};

// The context that every connection begins with. Poisoned: verification demanded and always refused, no certificate, no
// tickets, depth 0. A connection that was not moved to a host by apply_host() can't complete a handshake.
core::Result<SslContextPtr> build_listener_context(const WorkerLibrary& library);

// Moves a connection to its virtual host. The one place that sets per-connection properties: SSL_set_SSL_CTX() alone
// would leave verify mode, depth, versions, groups, session id context, options and limits at the listener's (it does
// bring ciphers and signature algorithms). False: refuse the connection.
bool apply_host(SSL* ssl, const HostContext& host);

// Once the client's verdict is known: whether TLS 1.3 may give it sessions at all (TLS 1.2 asks when it has made one).
// A strict host that lets refused clients finish their handshake gives none before. False: refuse the connection.
bool allow_tickets(SSL* ssl, const HostContext& host, bool allowed);

}  // namespace gateway::tls
