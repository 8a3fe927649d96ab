#include "tls/path_finder.h"

#include <fmt/format.h>

#include <vector>

#include "tls/limits.h"
#include "tls/openssl_error.h"
#include "tls/reason_alert.h"

namespace gateway::tls {
namespace {

using core::Reason;

core::Result<CertificateStackPtr> verify(X509_STORE_CTX* context, std::chrono::sys_seconds now, KnownIssuers& issuers) {
  X509_STORE_CTX_set_time(context, 0, now.time_since_epoch().count());
  const KnownIssuers::Use use(context, issuers);
  const bool verified = X509_verify_cert(context) == 1;
  const int error = X509_STORE_CTX_get_error(context);
  take_openssl_errors();
  if (verified) {
    if (CertificateStackPtr chain(X509_STORE_CTX_get1_chain(context)); chain) return chain;
    return core::fail(Reason::internal, core::Side::gateway, "no memory for a chain");
  }
  return core::fail(error == X509_V_OK ? Reason::internal : reason_of_verify_error(error), core::Side::client,
                    fmt::format("{} (certificate {})", X509_verify_cert_error_string(error),
                                X509_STORE_CTX_get_error_depth(context)));
}

bool has_twin(const STACK_OF(X509) * presented, const X509* certificate) {
  for (int i = 0; i < sk_X509_num(presented); ++i) {
    const X509* other = sk_X509_value(presented, i);
    if (X509_cmp(other, certificate) != 0 &&
        X509_NAME_cmp(X509_get_subject_name(other), X509_get_subject_name(certificate)) == 0) {
      return true;
    }
  }
  return false;
}

// The issuers that the failed path took from what the client sent, and that have another certificate beside them.
std::vector<const X509*> doubtful(X509_STORE_CTX* context) {
  std::vector<const X509*> issuers;
  const STACK_OF(X509)* presented = X509_STORE_CTX_get0_untrusted(context);
  const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context);
  if (presented == nullptr || path == nullptr) return issuers;
  for (int i = 1; i < sk_X509_num(path) && issuers.size() < static_cast<std::size_t>(kMaxDetours); ++i) {
    if (has_twin(presented, sk_X509_value(path, i))) issuers.push_back(sk_X509_value(path, i));
  }
  return issuers;
}

// `context` as it was at its beginning, but with other certificates beside the leaf.
StoreContextPtr detour(X509_STORE_CTX* context, const STACK_OF(X509) * presented, OSSL_LIB_CTX* library) {
  StoreContextPtr fresh(X509_STORE_CTX_new_ex(library, nullptr));
  // The store context borrows the stack and doesn't change it.
  auto* untrusted = const_cast<STACK_OF(X509)*>(presented);
  VerifyParamPtr param(X509_VERIFY_PARAM_new());
  if (!fresh || !param ||
      X509_STORE_CTX_init(fresh.get(), X509_STORE_CTX_get0_store(context), X509_STORE_CTX_get0_cert(context),
                          untrusted) != 1 ||
      X509_VERIFY_PARAM_set1(param.get(), X509_STORE_CTX_get0_param(context)) != 1) {
    return nullptr;
  }
  X509_STORE_CTX_set0_param(fresh.get(), param.release());
  X509_STORE_CTX_set_verify_cb(fresh.get(), X509_STORE_CTX_get_verify_cb(context));
  return fresh;
}

CertificateStackPtr all_but(const STACK_OF(X509) * presented, const X509* avoided) {
  CertificateStackPtr rest(X509_chain_up_ref(const_cast<STACK_OF(X509)*>(presented)));
  for (int i = rest ? sk_X509_num(rest.get()) - 1 : -1; i >= 0; --i) {
    if (X509_cmp(sk_X509_value(rest.get(), i), avoided) == 0) X509_free(sk_X509_delete(rest.get(), i));
  }
  return rest;
}

}  // namespace

core::Result<CertificateStackPtr> find_path(X509_STORE_CTX* context, std::chrono::sys_seconds now,
                                            OSSL_LIB_CTX* library, KnownIssuers& issuers) {
  auto first = verify(context, now, issuers);
  if (first) return first;
  for (const X509* avoided : doubtful(context)) {
    const CertificateStackPtr rest = all_but(X509_STORE_CTX_get0_untrusted(context), avoided);
    const StoreContextPtr fresh = rest ? detour(context, rest.get(), library) : nullptr;
    if (!fresh) return core::fail(Reason::internal, core::Side::gateway, "no memory for a path");
    if (auto other = verify(fresh.get(), now, issuers)) return other;
  }
  return first;
}

}  // namespace gateway::tls
