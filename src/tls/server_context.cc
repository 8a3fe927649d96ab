#include "tls/server_context.h"

#include <openssl/x509_vfy.h>

#include "core/limits.h"
#include "tls/asn1_values.h"
#include "tls/chain_verifier.h"
#include "tls/host_selector.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"
#include "tls/server_certificates.h"
#include "tls/session_cache_callbacks.h"
#include "tls/session_ticket.h"
#include "tls/stapling.h"
#include "tls/tls_lists.h"

namespace gateway::tls {
namespace {

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
constexpr long kCacheOfOurs = SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR;

int version_number(ProtocolVersion version) {
  return version == ProtocolVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// With OnRefusal::http the handshake goes on without the certificate that a strict host demands, and is barred at its
// end.
int verify_mode(ClientAuth mode, OnRefusal on_refusal) {
  switch (mode) {
    case ClientAuth::off:
      return SSL_VERIFY_NONE;
    case ClientAuth::optional:
      return SSL_VERIFY_PEER;
    case ClientAuth::strict:
      break;
  }
  return on_refusal == OnRefusal::http ? SSL_VERIFY_PEER : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

// What the listener's and every host's context have in common. OpenSSL asks the first context for some callbacks, the
// switched one for others, and the switched one's ClientHello callback after a HelloRetryRequest: so all have all.
core::Result<SslContextPtr> new_context(const WorkerLibrary& library, const TlsSettings& settings) {
  SslContextPtr context(SSL_CTX_new_ex(library.context(), nullptr, TLS_server_method()));
  if (!context) return openssl_failure("no TLS context");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_security_level(ctx, kSecurityLevel);
  TRY([[maybe_unused]] const bool set, use_settings(ctx, settings));
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | kPlainOnly);
  // OpenSSL's own cache is one a context, and would keep the parsed certificate of each client.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_timeout(ctx, std::chrono::seconds(core::kSessionLifetime).count());
  install_host_selection(ctx);
  if (!install_session_tickets(ctx) || !install_session_cache(ctx, library.sessions())) {
    return openssl_failure("no session callbacks");
  }
  return context;
}

core::Result<bool> name_cas(SSL_CTX* ctx, const TrustSet& trust, const AnchorStore& anchors) {
  if (!trust.send_ca_names || !anchors.ca_names) return true;
  NameStackPtr names(SSL_dup_CA_list(anchors.ca_names.get()));
  if (!names) return openssl_failure("a CA name can't be kept");
  SSL_CTX_set_client_CA_list(ctx, names.release());
  return true;
}

core::Result<VerifyParamPtr> build_verify_param(const TrustSet* trust) {
  VerifyParamPtr param(X509_VERIFY_PARAM_new());
  const unsigned long partial = trust != nullptr && trust->partial_chains ? X509_V_FLAG_PARTIAL_CHAIN : 0UL;
  const unsigned depth = trust != nullptr ? trust->depth : 0;
  if (!param || X509_VERIFY_PARAM_set_purpose(param.get(), X509_PURPOSE_SSL_CLIENT) != 1 ||
      X509_VERIFY_PARAM_set_trust(param.get(), X509_TRUST_SSL_CLIENT) != 1 ||
      X509_VERIFY_PARAM_set_flags(param.get(), X509_V_FLAG_TRUSTED_FIRST | partial) != 1) {
    return openssl_failure("no verification parameters");
  }
  X509_VERIFY_PARAM_set_depth(param.get(), static_cast<int>(std::min<std::size_t>(depth, kMaxChainElements)));
  X509_VERIFY_PARAM_set_auth_level(param.get(), kSecurityLevel);
  return param;
}

}  // namespace

core::Result<std::shared_ptr<const HostContext>> HostContext::build(std::shared_ptr<WorkerLibrary> library,
                                                                    const HostOptions& options,
                                                                    const AnchorStore* anchors) {
  if (options.client_auth != ClientAuth::off && (!options.trust || anchors == nullptr)) {
    return core::fail(core::Reason::internal, core::Side::gateway,
                      "client certificates can't be verified without a trust set");
  }
  std::shared_ptr<HostContext> host(new HostContext(std::move(library)));
  TRY(host->context_, new_context(*host->library_, options.settings));
  TRY(host->verify_param_, build_verify_param(options.trust.get()));
  SSL_CTX* ctx = host->context_.get();
  TRY(host->token_keys_, use_certificates(ctx, options, host->library_->context()));
  if (!options.stapled.empty()) install_stapling(ctx, *host->library_);
  SSL_CTX_set_cert_verify_callback(ctx, &verify_client_chain, nullptr);
  if (options.trust && options.client_auth != ClientAuth::off) {
    if (SSL_CTX_set1_verify_cert_store(ctx, anchors->store.get()) != 1) {
      return openssl_failure("the trust store can't be used");
    }
    TRY([[maybe_unused]] const bool named, name_cas(ctx, *options.trust, *anchors));
  }
  host->content_digest_ = content_digest_of(options);
  host->session_context_ = session_context_of(options);
  host->verification_context_ = verification_context_of(options);
  host->client_auth_ = options.client_auth;
  host->on_refusal_ = options.on_refusal;
  host->session_tickets_ = options.session_tickets;
  host->session_store_ = options.session_store;
  // In TLS 1.2 this host tells its session ids.
  if (host->caches_sessions()) SSL_CTX_set_session_cache_mode(ctx, kCacheOfOurs);
  host->min_version_ = options.settings.min_version;
  host->max_version_ = options.settings.max_version;
  host->groups_ = available_groups(options.settings.groups, ctx);
  host->max_client_chain_bytes_ = options.max_client_chain_bytes;
  return host;
}

core::Result<SslContextPtr> build_listener_context(const WorkerLibrary& library) {
  TRY(SslContextPtr context, new_context(library, settings_of(TlsProfile::intermediate)));
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &refuse_verify_step);
  SSL_CTX_set_cert_verify_callback(ctx, &refuse_client_chain, nullptr);
  SSL_CTX_set_verify_depth(ctx, 0);
  SSL_CTX_set_max_cert_list(ctx, 1);
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  // The context that a connection begins with is the one that OpenSSL asks for sessions, whatever its host is.
  SSL_CTX_set_session_cache_mode(ctx, kCacheOfOurs);
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
  // Brings the certificate, its key, the verify store, the CA names, ciphers, signature algorithms and security level,
  // and the callbacks that OpenSSL asks the context for.
  if (SSL_set_SSL_CTX(ssl, host.ssl_context()) != host.ssl_context()) return false;
  SSL_set_verify(ssl, verify_mode(host.client_auth(), host.on_refusal()), &tolerate_times);
  if (SSL_set1_param(ssl, host.verify_param()) != 1) return false;
  if (SSL_set_min_proto_version(ssl, version_number(host.min_version())) != 1) return false;
  if (SSL_set_max_proto_version(ssl, version_number(host.max_version())) != 1) return false;
  if (SSL_set1_groups_list(ssl, host.groups().c_str()) != 1) return false;
  static_assert(sizeof(core::Sha256) <= SSL_MAX_SID_CTX_LENGTH);
  if (SSL_set_session_id_context(ssl, session_context.data(), static_cast<unsigned>(session_context.size())) != 1) {
    return false;
  }
  SSL_clear_options(ssl, SSL_get_options(ssl));
  // Without sealed tickets TLS 1.3 gives session ids for tickets.
  const bool seals_tickets = host.session_tickets() && !host.caches_sessions();
  SSL_set_options(ssl, seals_tickets ? kOptions : kOptions | SSL_OP_NO_TICKET);
  SSL_set_mode(ssl, kMode);
  SSL_set_max_cert_list(ssl, static_cast<long>(host.max_client_chain_bytes()));
  return allow_tickets(ssl, host, host.client_auth() != ClientAuth::strict || host.on_refusal() == OnRefusal::alert);
}

bool allow_tickets(SSL* ssl, const HostContext& host, bool allowed) {
  return SSL_set_num_tickets(ssl, allowed && host.session_tickets() ? kTicketsPerHandshake : 0) == 1;
}

}  // namespace gateway::tls
