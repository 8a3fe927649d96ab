#pragma once

#include <openssl/types.h>

#include <map>

#include "core/peer_identity.h"
#include "core/result.h"
#include "tls/openssl_ptr.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// The anchors of a trust set, parsed for one library context.
struct AnchorStore {
  StorePtr store;         // of the anchors and nothing else
  NameStackPtr ca_names;  // what may be shown to clients; null if that is too much
};

// Those of one build: hosts of one trust set share theirs. Control thread.
class AnchorStores {
 public:
  // `library` outlives this object.
  explicit AnchorStores(OSSL_LIB_CTX* library) : library_(library) {}
  // Lives as long as this object.
  core::Result<const AnchorStore*> find(const TrustSet& trust);

 private:
  OSSL_LIB_CTX* library_;
  std::map<core::Sha256, AnchorStore> stores_;
};

}  // namespace gateway::tls
