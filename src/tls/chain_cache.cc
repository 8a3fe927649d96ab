#include "tls/chain_cache.h"

#include "tls/digest.h"
#include "tls/shared_certificates.h"

namespace gateway::tls {

core::Sha256 ChainCache::key_of(const core::Sha256& context, const STACK_OF(X509) * presented,
                                const SharedCertificates& certificates, const EVP_MD* md) {
  const auto append = [](std::string& out, const core::Sha256& digest) {
    out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  };
  // Digests are all of one length, so no two lists make the same bytes.
  std::string bytes;
  append(bytes, context);
  for (int i = 0; i < sk_X509_num(presented); ++i) {
    append(bytes, certificates.fingerprint_of(sk_X509_value(presented, i)));
  }
  return sha256(md, {bytes});
}

const VerifiedPath& ChainCache::put(const core::Sha256& key, VerifiedPath path) {
  return paths_.put(key, std::move(path), [this](const VerifiedPath&) { ++counts_.evictions; });
}

void ChainCache::drop(const core::Sha256& key) {
  paths_.erase(key, [](const VerifiedPath&) {});
}

}  // namespace gateway::tls
