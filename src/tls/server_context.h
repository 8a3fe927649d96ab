#pragma once

#include <memory>

#include "core/peer_identity.h"
#include "core/result.h"
#include "tls/host_options.h"
#include "tls/openssl_ptr.h"
#include "tls/worker_library.h"

namespace gateway::tls {

// The SSL_CTX of one TLS virtual host, and all of its settings that OpenSSL keeps per connection. Holds no CRL: those
// belong to the snapshot, while this is reused by the next one. Immutable, used by one worker.
class HostContext {
 public:
  // `verify_store` holds the anchors of the host's trust set; null for a host without one.
  static core::Result<std::shared_ptr<const HostContext>> build(std::shared_ptr<WorkerLibrary> library,
                                                                const HostOptions& options, X509_STORE* verify_store);

  [[nodiscard]] SSL_CTX* ssl_context() const noexcept { return context_.get(); }
  [[nodiscard]] const core::Sha256& content_digest() const noexcept { return content_digest_; }
  [[nodiscard]] const core::Sha256& session_context() const noexcept { return session_context_; }
  [[nodiscard]] X509_VERIFY_PARAM* verify_param() const noexcept { return verify_param_.get(); }
  [[nodiscard]] ClientAuth client_auth() const noexcept { return client_auth_; }
  [[nodiscard]] ProtocolVersion min_version() const noexcept { return min_version_; }
  [[nodiscard]] ProtocolVersion max_version() const noexcept { return max_version_; }

 private:
  explicit HostContext(std::shared_ptr<WorkerLibrary> library) : library_(std::move(library)) {}

  std::shared_ptr<WorkerLibrary> library_;  // outlives what was built in it
  SslContextPtr context_;
  VerifyParamPtr verify_param_;
  core::Sha256 content_digest_{};
  core::Sha256 session_context_{};
  ClientAuth client_auth_ = ClientAuth::strict;
  ProtocolVersion min_version_ = ProtocolVersion::tls12;
  ProtocolVersion max_version_ = ProtocolVersion::tls13;
};

// A store of `anchors` and nothing else.
core::Result<StorePtr> build_anchor_store(const std::vector<Der>& anchors, OSSL_LIB_CTX* library);

// The context that every connection begins with. Poisoned: verification demanded and always refused, no certificate, no
// tickets, depth 0. A connection that was not moved to a host by apply_host() can't complete a handshake.
core::Result<SslContextPtr> build_listener_context(const WorkerLibrary& library);

// Moves a connection to its virtual host. The one place that sets per-connection properties: SSL_set_SSL_CTX() alone
// would leave verify mode, depth, versions, session id context, options and limits at the listener's. False: refuse the
// connection.
bool apply_host(SSL* ssl, const HostContext& host);

}  // namespace gateway::tls
