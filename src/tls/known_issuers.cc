#include "tls/known_issuers.h"

#include "tls/connection_state.h"
#include "tls/digest.h"
#include "tls/openssl_error.h"
#include "tls/shared_certificates.h"

namespace gateway::tls {
namespace {

int use_index() {
  static const int index =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

KnownIssuers::Use::Use(X509_STORE_CTX* context, KnownIssuers& issuers)
    : context_(context), issuers_(issuers), full_(X509_STORE_CTX_get_verify(context)) {
  if (X509_STORE_CTX_set_ex_data(context, use_index(), this) == 1) {
    X509_STORE_CTX_set_verify(context, &KnownIssuers::check_signatures);
  }
}

KnownIssuers::Use::~Use() {
  X509_STORE_CTX_set_verify(context_, full_);
  X509_STORE_CTX_set_ex_data(context_, use_index(), nullptr);
}

int KnownIssuers::check_signatures(X509_STORE_CTX* context) noexcept {
  const auto* use = static_cast<const Use*>(X509_STORE_CTX_get_ex_data(context, use_index()));
  if (use == nullptr) return 0;
  return guarded(0, [&] { return use->issuers_.check(context, use->full_); });
}

int KnownIssuers::check(X509_STORE_CTX* context, X509_STORE_CTX_verify_fn full) {
  const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context);
  // A leaf alone is an anchor itself.
  if (sk_X509_num(path) < 2) return full(context);
  const core::Sha256 key = key_of(path);
  if (paths_.find(key) != nullptr) {
    EVP_PKEY* const issuer_key = X509_get0_pubkey(sk_X509_value(path, 1));
    if (issuer_key != nullptr && X509_verify(sk_X509_value(path, 0), issuer_key) == 1) {
      ++counts_.leaves;
      return 1;
    }
    // Refused in OpenSSL's own words.
    take_openssl_errors();
  }
  ++counts_.full;
  if (full(context) != 1) return 0;
  paths_.put(key, {}, [](const Known&) {});
  return 1;
}

core::Sha256 KnownIssuers::key_of(const STACK_OF(X509) * path) const {
  std::string bytes;
  for (int i = 1; i < sk_X509_num(path); ++i) {
    const core::Sha256 fingerprint = certificates_.fingerprint_of(sk_X509_value(path, i));
    bytes.append(reinterpret_cast<const char*>(fingerprint.data()), fingerprint.size());
  }
  return sha256(sha256_, {bytes});
}

}  // namespace gateway::tls
