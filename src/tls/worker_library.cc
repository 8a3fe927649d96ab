#include "tls/worker_library.h"

namespace gateway::tls {

std::shared_ptr<WorkerLibrary> WorkerLibrary::create(WallClock clock) {
  std::shared_ptr<WorkerLibrary> library(new WorkerLibrary(std::move(clock)));
  library->context_.reset(OSSL_LIB_CTX_new());
  if (!library->context_) return nullptr;
  library->provider_ = library->algorithms_.offer_to(library->context());
  if (!library->provider_) {
    library->context_.reset(OSSL_LIB_CTX_new());
    library->provider_.reset(OSSL_PROVIDER_load(library->context(), "default"));
  }
  library->sha256_.reset(EVP_MD_fetch(library->context(), "SHA256", nullptr));
  library->ticket_cipher_.reset(EVP_CIPHER_fetch(library->context(), "AES-256-CBC", nullptr));
  if (!library->provider_ || !library->sha256_ || !library->ticket_cipher_) return nullptr;
  library->known_clients_ = std::make_unique<KnownClients>(library->sha256());
  return library;
}

RevocationKnowledge& revocations_of(WorkerLibrary& library) noexcept {
  return library.revocations();
}

bool can_share_certificates() {
  return SharedCertificates::works();
}

void share_sessions(WorkerLibrary& library, std::shared_ptr<SessionCache> sessions) {
  library.share_sessions(std::move(sessions));
}

std::shared_ptr<WorkerLibrary> make_worker_library(WallClock clock) {
  return WorkerLibrary::create(std::move(clock));
}

std::shared_ptr<WorkerLibrary> make_worker_library() {
  return make_worker_library(
      [] { return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()); });
}

}  // namespace gateway::tls
