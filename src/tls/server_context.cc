#include "tls/server_context.h"

#include <openssl/x509_vfy.h>

#include "core/limits.h"
#include "tls/asn1_values.h"
#include "tls/chain_verifier.h"
#include "tls/host_selector.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"
#include "tls/server_certificates.h"
#include "tls/session_ticket.h"

namespace gateway::tls {
namespace {

// AEAD with forward secrecy only.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
constexpr const char* kGroups = "?X25519MLKEM768:X25519:P-256:P-384";
#else
constexpr const char* kGroups = "X25519:P-256:P-384";
#endif
// Ours and the client's CertificateVerify: without DSA, which OpenSSL still takes in TLS 1.2.
constexpr const char* kSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
constexpr int kSecurityLevel = 2;  // 112 bits: RSA 2048, no SHA-1 signatures
// Nobody without an identity gives us something to decompress, and what is too large is refused alike by every OpenSSL.
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
constexpr std::uint64_t kPlainOnly = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION;
#else
constexpr std::uint64_t kPlainOnly = SSL_OP_NO_COMPRESSION;
#endif
constexpr std::uint64_t kOptions = kPlainOnly | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA | SSL_OP_ENABLE_MIDDLEBOX_COMPAT;
// NO_AUTO_CHAIN: else OpenSSL completes the server's chain out of the store of client CAs.
constexpr long kMode = SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN;
constexpr std::size_t kTicketsPerHandshake = 1;

int version_number(ProtocolVersion version) {
  return version == ProtocolVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

int verify_mode(ClientAuth mode) {
  switch (mode) {
    case ClientAuth::off:
      return SSL_VERIFY_NONE;
    case ClientAuth::optional:
      return SSL_VERIFY_PEER;
    case ClientAuth::strict:
      break;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

// What the listener's and every host's context have in common. OpenSSL asks the first context for some callbacks, the
// switched one for others, and the switched one's ClientHello callback after a HelloRetryRequest: so all have all.
core::Result<SslContextPtr> new_context(const WorkerLibrary& library) {
  SslContextPtr context(SSL_CTX_new_ex(library.context(), nullptr, TLS_server_method()));
  if (!context) return openssl_failure("no TLS context");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_security_level(ctx, kSecurityLevel);
  if (SSL_CTX_set_cipher_list(ctx, kTls12Ciphers) != 1 || SSL_CTX_set1_groups_list(ctx, kGroups) != 1 ||
      SSL_CTX_set1_sigalgs_list(ctx, kSignatures) != 1 || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1) {
    return openssl_failure("TLS ciphers, groups, signatures or versions are not available");
  }
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | kPlainOnly);
  // Stateless tickets only: they work on every worker and replica, and nothing has to be bounded.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_timeout(ctx, std::chrono::seconds(core::kSessionLifetime).count());
  install_host_selection(ctx);
  if (!install_session_tickets(ctx)) return openssl_failure("no session ticket callbacks");
  return context;
}

core::Result<bool> name_cas(SSL_CTX* ctx, const TrustSet& trust, OSSL_LIB_CTX* library) {
  if (!trust.send_ca_names || trust.anchors.size() > kMaxCaNames) return true;
  NameStackPtr names(sk_X509_NAME_new_null());
  std::size_t bytes = 0;
  for (const Der& anchor : trust.anchors) {
    const X509Ptr certificate = parse_certificate(anchor, library);
    if (!certificate || !names) return openssl_failure("a trust anchor can't be parsed");
    bytes += name_der_of(X509_get_subject_name(certificate.get())).size();
    NamePtr name(X509_NAME_dup(X509_get_subject_name(certificate.get())));
    if (!name || sk_X509_NAME_push(names.get(), name.get()) <= 0) return openssl_failure("a CA name can't be kept");
    static_cast<void>(name.release());  // the stack's now
  }
  if (bytes <= kMaxCaNamesBytes) SSL_CTX_set_client_CA_list(ctx, names.release());
  return true;
}

core::Result<VerifyParamPtr> build_verify_param(unsigned depth) {
  VerifyParamPtr param(X509_VERIFY_PARAM_new());
  if (!param || X509_VERIFY_PARAM_set_purpose(param.get(), X509_PURPOSE_SSL_CLIENT) != 1 ||
      X509_VERIFY_PARAM_set_trust(param.get(), X509_TRUST_SSL_CLIENT) != 1 ||
      X509_VERIFY_PARAM_set_flags(param.get(), X509_V_FLAG_TRUSTED_FIRST) != 1) {
    return openssl_failure("no verification parameters");
  }
  X509_VERIFY_PARAM_set_depth(param.get(), static_cast<int>(std::min<std::size_t>(depth, kMaxChainElements)));
  X509_VERIFY_PARAM_set_auth_level(param.get(), kSecurityLevel);
  return param;
}

}  // namespace

core::Result<StorePtr> build_anchor_store(const std::vector<Der>& anchors, OSSL_LIB_CTX* library) {
  StorePtr store(X509_STORE_new());
  if (!store) return openssl_failure("no trust store");
  for (const Der& anchor : anchors) {
    const X509Ptr certificate = parse_certificate(anchor, library);
    if (!certificate || X509_STORE_add_cert(store.get(), certificate.get()) != 1) {
      return openssl_failure("a trust anchor can't be parsed");
    }
  }
  return store;
}

core::Result<std::shared_ptr<const HostContext>> HostContext::build(std::shared_ptr<WorkerLibrary> library,
                                                                    const HostOptions& options,
                                                                    X509_STORE* verify_store) {
  if (options.client_auth != ClientAuth::off && (!options.trust || verify_store == nullptr)) {
    return core::fail(core::Reason::internal, core::Side::gateway,
                      "client certificates can't be verified without a trust set");
  }
  std::shared_ptr<HostContext> host(new HostContext(std::move(library)));
  TRY(host->context_, new_context(*host->library_));
  TRY(host->verify_param_, build_verify_param(options.trust ? options.trust->depth : 0));
  SSL_CTX* ctx = host->context_.get();
  TRY([[maybe_unused]] const bool used, use_certificates(ctx, options, host->library_->context()));
  SSL_CTX_set_cert_verify_callback(ctx, &verify_client_chain, nullptr);
  if (options.trust && options.client_auth != ClientAuth::off) {
    if (SSL_CTX_set1_verify_cert_store(ctx, verify_store) != 1) return openssl_failure("the trust store can't be used");
    TRY([[maybe_unused]] const bool named, name_cas(ctx, *options.trust, host->library_->context()));
  }
  host->content_digest_ = content_digest_of(options);
  host->session_context_ = session_context_of(options);
  host->client_auth_ = options.client_auth;
  host->min_version_ = options.min_version;
  host->max_version_ = options.max_version;
  return host;
}

core::Result<SslContextPtr> build_listener_context(const WorkerLibrary& library) {
  TRY(SslContextPtr context, new_context(library));
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &refuse_verify_step);
  SSL_CTX_set_cert_verify_callback(ctx, &refuse_client_chain, nullptr);
  SSL_CTX_set_verify_depth(ctx, 0);
  SSL_CTX_set_max_cert_list(ctx, 1);
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  constexpr std::string_view kNoHost = "no virtual host was chosen";
  if (SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
      SSL_CTX_set_session_id_context(ctx, reinterpret_cast<const unsigned char*>(kNoHost.data()),
                                     static_cast<unsigned>(kNoHost.size())) != 1) {
    return openssl_failure("no listener context");
  }
  return context;
}

bool apply_host(SSL* ssl, const HostContext& host) {
  const auto& session_context = host.session_context();
  // Brings the certificate, its key, the verify store, the CA names and the callbacks that OpenSSL asks the context
  // for.
  if (SSL_set_SSL_CTX(ssl, host.ssl_context()) != host.ssl_context()) return false;
  SSL_set_verify(ssl, verify_mode(host.client_auth()), &tolerate_times);
  if (SSL_set1_param(ssl, host.verify_param()) != 1) return false;
  if (SSL_set_min_proto_version(ssl, version_number(host.min_version())) != 1) return false;
  if (SSL_set_max_proto_version(ssl, version_number(host.max_version())) != 1) return false;
  static_assert(sizeof(core::Sha256) <= SSL_MAX_SID_CTX_LENGTH);
  if (SSL_set_session_id_context(ssl, session_context.data(), static_cast<unsigned>(session_context.size())) != 1) {
    return false;
  }
  SSL_clear_options(ssl, SSL_get_options(ssl));
  SSL_set_options(ssl, kOptions);
  SSL_set_mode(ssl, kMode);
  SSL_set_max_cert_list(ssl, static_cast<long>(core::kMaxClientChainBytes));
  return SSL_set_num_tickets(ssl, kTicketsPerHandshake) == 1;
}

}  // namespace gateway::tls
