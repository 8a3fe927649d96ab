#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tls/ocsp_table.h"
#include "tls/trust_set.h"

namespace gateway::proxy {

// To a worker: what is known of a certificate that it, or another worker, has asked about.
struct OcspAnswered {
  tls::OcspKey key;
  tls::OcspEntry entry;
};

// From a worker to the status thread: what is the status of this certificate? Answered by one OcspAnswered within
// `trust->ocsp`'s timeout.
struct OcspQuery {
  unsigned worker = 0;
  tls::OcspKey key;
  std::string certificate;                     // DER, of a chain that verified
  std::shared_ptr<const tls::Der> issuer;      // never null
  std::shared_ptr<const tls::TrustSet> trust;  // never null, nor is its `ocsp`
  // What the worker knows counts until then; it wants something newer.
  std::chrono::sys_seconds known_until{};
  std::function<void(OcspAnswered)> reply;  // from any thread; later answers about other certificates come by it, too
};

}  // namespace gateway::proxy
