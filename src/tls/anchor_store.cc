#include "tls/anchor_store.h"

#include <openssl/x509_vfy.h>

#include <utility>

#include "tls/asn1_values.h"
#include "tls/digest.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

core::Result<AnchorStore> build(const std::vector<Der>& anchors, OSSL_LIB_CTX* library) {
  AnchorStore built{.store = StorePtr(X509_STORE_new()), .ca_names = NameStackPtr(sk_X509_NAME_new_null())};
  if (!built.store || !built.ca_names) return openssl_failure("no trust store");
  std::size_t bytes = 0;
  for (const Der& anchor : anchors) {
    const X509Ptr certificate = parse_certificate(anchor, library);
    if (!certificate || X509_STORE_add_cert(built.store.get(), certificate.get()) != 1) {
      return openssl_failure("a trust anchor can't be parsed");
    }
    bytes += name_der_of(X509_get_subject_name(certificate.get())).size();
    if (anchors.size() > kMaxCaNames || bytes > kMaxCaNamesBytes) built.ca_names.reset();
    if (!built.ca_names) continue;
    NamePtr name(X509_NAME_dup(X509_get_subject_name(certificate.get())));
    if (!name || sk_X509_NAME_push(built.ca_names.get(), name.get()) <= 0) {
      return openssl_failure("a CA name can't be kept");
    }
    static_cast<void>(name.release());  // the stack's now
  }
  return built;
}

}  // namespace

core::Result<const AnchorStore*> AnchorStores::find(const TrustSet& trust) {
  FieldDigest digest;
  for (const Der& anchor : trust.anchors) digest.add(anchor);
  const auto [found, is_new] = stores_.try_emplace(digest.finish());
  if (is_new) {
    TRY(found->second, build(trust.anchors, library_));
  }
  return &found->second;
}

}  // namespace gateway::tls
