#pragma once

#include "tls/chain_cache.h"
#include "tls/known_issuers.h"
#include "tls/shared_certificates.h"

namespace gateway::tls {

// What one worker keeps of clients whose chains have verified, for the next time. Owned by its WorkerLibrary, used on
// its thread only.
struct KnownClients {
  explicit KnownClients(const EVP_MD* sha256) : certificates(sha256), issuers(certificates, sha256) {}

  SharedCertificates certificates;
  KnownIssuers issuers;
  ChainCache chains;
};

}  // namespace gateway::tls
