#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "tls/known_clients.h"
#include "tls/known_revocations.h"
#include "tls/openssl_ptr.h"
#include "tls/session_cache.h"
#include "tls/staples.h"
#include "tls/worker_contexts.h"
#include "tls/worker_provider.h"

namespace gateway::tls {

// A worker's own OpenSSL library context, with the algorithms that every handshake needs fetched once.
class WorkerLibrary {
 public:
  // Null if OpenSSL can't provide what is needed.
  static std::shared_ptr<WorkerLibrary> create(WallClock clock);

  [[nodiscard]] OSSL_LIB_CTX* context() const noexcept { return context_.get(); }
  [[nodiscard]] const EVP_MD* sha256() const noexcept { return sha256_.get(); }
  [[nodiscard]] const EVP_CIPHER* ticket_cipher() const noexcept { return ticket_cipher_.get(); }
  [[nodiscard]] std::chrono::sys_seconds now() const { return clock_(); }
  // The worker's own; before its thread runs the control thread's. Shared by the contexts of all its generations.
  [[nodiscard]] RevocationKnowledge& revocations() noexcept { return revocations_; }
  [[nodiscard]] const RevocationKnowledge& revocations() const noexcept { return revocations_; }
  // For the worker's thread only.
  [[nodiscard]] KnownClients& known_clients() noexcept { return *known_clients_; }
  [[nodiscard]] StapleBox& staples() noexcept { return staples_; }
  [[nodiscard]] const StapleBox& staples() const noexcept { return staples_; }
  // Safe on any thread, and shared by all workers of a daemon.
  [[nodiscard]] SessionCache& sessions() const noexcept { return *sessions_; }
  void share_sessions(std::shared_ptr<SessionCache> sessions) { sessions_ = std::move(sessions); }

  // While it lives, OpenSSL takes this library context where its caller names none, on this thread: libssl names none
  // for the client's certificate in a sealed session. What is made meanwhile must end before the library does.
  class AsDefault {
   public:
    explicit AsDefault(const WorkerLibrary& library) : before_(OSSL_LIB_CTX_set0_default(library.context())) {}
    ~AsDefault() { OSSL_LIB_CTX_set0_default(before_); }
    AsDefault(const AsDefault&) = delete;
    AsDefault& operator=(const AsDefault&) = delete;

   private:
    OSSL_LIB_CTX* const before_;
  };

 private:
  explicit WorkerLibrary(WallClock clock) : clock_(std::move(clock)) {}

  WallClock clock_;
  RevocationKnowledge revocations_;
  StapleBox staples_;
  std::shared_ptr<SessionCache> sessions_ = std::make_shared<SessionCache>(core::kSessionCapacity);
  WorkerProvider algorithms_;
  LibraryContextPtr context_;
  ProviderPtr provider_;  // unloaded before its context is freed
  DigestPtr sha256_;
  CipherPtr ticket_cipher_;
  std::unique_ptr<KnownClients> known_clients_;
};

}  // namespace gateway::tls
