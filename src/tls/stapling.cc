#include "tls/stapling.h"

#include <openssl/crypto.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

#include "tls/asn1_values.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

int staple(SSL* ssl, void* argument) {
  const auto& library = *static_cast<const WorkerLibrary*>(argument);
  // Chosen by now, of several the one that this client can verify.
  const X509* certificate = SSL_get_certificate(ssl);
  core::Sha256 fingerprint{};
  if (certificate == nullptr || X509_digest(certificate, library.sha256(), fingerprint.data(), nullptr) != 1) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  const Staple* found = library.staples().find(fingerprint, library.now());
  if (found == nullptr) return SSL_TLSEXT_ERR_NOACK;
  // OpenSSL frees what it is given.
  void* copy = OPENSSL_memdup(found->response.data(), found->response.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<int>(found->response.size()));
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

void install_stapling(SSL_CTX* context, const WorkerLibrary& library) {
  SSL_CTX_set_tlsext_status_cb(context, &staple);
  SSL_CTX_set_tlsext_status_arg(context, const_cast<WorkerLibrary*>(&library));
}

bool is_issued_by(const Der& certificate, const Der& issuer) {
  const X509Ptr subject = parse_certificate(certificate, nullptr);
  const X509Ptr authority = parse_certificate(issuer, nullptr);
  const bool good = subject && authority &&
                    X509_NAME_cmp(X509_get_issuer_name(subject.get()), X509_get_subject_name(authority.get())) == 0 &&
                    X509_verify(subject.get(), X509_get0_pubkey(authority.get())) == 1;
  take_openssl_errors();
  return good;
}

}  // namespace gateway::tls
