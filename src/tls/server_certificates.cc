#include "tls/server_certificates.h"

#include "tls/asn1_values.h"
#include "tls/openssl_error.h"
#include "tls/openssl_ptr.h"
#include "tls/private_key_der.h"

namespace gateway::tls {
namespace {

using TokenKeys = std::vector<std::shared_ptr<const OpenedTokenKey>>;

core::Result<PkeyPtr> key_of(const ServerCertificate& certificate, OSSL_LIB_CTX* library, TokenKeys& opened) {
  if (certificate.token_key) {
    TRY(std::shared_ptr<const OpenedTokenKey> in_token,
        OpenedTokenKey::open(*certificate.token_key, certificate.chain.front()));
    if (EVP_PKEY_up_ref(in_token->key()) != 1) return openssl_failure("the token's key can't be shared");
    PkeyPtr key(in_token->key());
    opened.push_back(std::move(in_token));
    return key;
  }
  const std::string_view der = certificate.private_key ? certificate.private_key->view() : std::string_view();
  PkeyPtr key = decode_private_key(der, library);
  if (!key) return openssl_failure("the private key can't be parsed");
  return key;
}

core::Result<bool> use_certificate(SSL_CTX* context, const ServerCertificate& certificate, OSSL_LIB_CTX* library,
                                   TokenKeys& opened) {
  if (certificate.chain.empty()) return openssl_failure("no server certificate");
  const X509Ptr leaf = parse_certificate(certificate.chain.front(), library);
  const CertificateStackPtr chain(sk_X509_new_null());
  if (!leaf || !chain) return openssl_failure("the server certificate can't be parsed");
  for (std::size_t i = 1; i < certificate.chain.size(); ++i) {
    X509Ptr issuer = parse_certificate(certificate.chain[i], library);
    if (!issuer || sk_X509_push(chain.get(), issuer.get()) <= 0) {
      return openssl_failure("the server certificate chain can't be parsed");
    }
    static_cast<void>(issuer.release());  // the stack's now
  }
  TRY(const PkeyPtr key, key_of(certificate, library, opened));
  // Compares the keys, too. Without the override a second certificate of a type can't push out the first.
  constexpr int kNoOverride = 0;
  if (SSL_CTX_use_cert_and_key(context, leaf.get(), key.get(), chain.get(), kNoOverride) != 1) {
    return openssl_failure("the server certificate, its chain or its private key can't be used");
  }
  return true;
}

}  // namespace

core::Result<TokenKeys> use_certificates(SSL_CTX* context, const HostOptions& options, OSSL_LIB_CTX* library) {
  if (options.certificates.empty()) return openssl_failure("no server certificate");
  TokenKeys opened;
  for (const ServerCertificate& certificate : options.certificates) {
    TRY([[maybe_unused]] const bool used, use_certificate(context, certificate, library, opened));
  }
  return opened;
}

}  // namespace gateway::tls
