#include "tls/session_ticket.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "core/limits.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

using core::Reason;

constexpr int kTicketFailed = -1;  // fatal
constexpr int kTicketUnknown = 0;  // full handshake
constexpr int kTicketGood = 1;
constexpr int kTicketRenew = 2;

std::string_view app_data_of(const SSL_SESSION* session) {
  void* bytes = nullptr;
  std::size_t size = 0;
  // The function only reads the session, though it doesn't say so.
  if (SSL_SESSION_get0_ticket_appdata(const_cast<SSL_SESSION*>(session), &bytes, &size) != 1 || bytes == nullptr)
    return {};
  return {static_cast<const char*>(bytes), size};
}

bool use_key(const TicketKey& key, EVP_MAC_CTX* mac) {
  std::array<unsigned char, 32> secret = key.mac;
  std::array<char, 7> digest{"SHA256"};
  const std::array params = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end(),
  };
  const bool done = EVP_MAC_CTX_set_params(mac, params.data()) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  return done;
}

int seal(const WorkerContextSet& contexts, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* mac) {
  const WorkerLibrary& library = contexts.library();
  const TicketKey& key = contexts.ticket_keys().sealing();
  const int iv_size = EVP_CIPHER_get_iv_length(library.ticket_cipher());
  if (RAND_bytes_ex(library.context(), iv, static_cast<std::size_t>(iv_size), 0) != 1 ||
      EVP_EncryptInit_ex(cipher, library.ticket_cipher(), nullptr, key.cipher.data(), iv) != 1 || !use_key(key, mac)) {
    return kTicketFailed;
  }
  std::memcpy(name, key.name.data(), key.name.size());
  return kTicketGood;
}

int open(const WorkerContextSet& contexts, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* mac) {
  const TicketKey* key = contexts.ticket_keys().find(name);
  if (key == nullptr) return kTicketUnknown;
  if (EVP_DecryptInit_ex(cipher, contexts.library().ticket_cipher(), nullptr, key->cipher.data(), iv) != 1 ||
      !use_key(*key, mac)) {
    return kTicketFailed;
  }
  return key == &contexts.ticket_keys().sealing() ? kTicketGood : kTicketRenew;
}

int on_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                  int sealing) noexcept {
  return guarded(kTicketFailed, [=] {
    const ConnectionState* state = state_of(ssl);
    if (state == nullptr) return kTicketFailed;
    if (sealing == 0) return open(state->contexts, name, iv, cipher, mac);
    // In TLS 1.2 this makes an empty ticket, which is none (RFC 5077 section 3.3).
    if (!may_resume_later(ssl, *state)) return kTicketUnknown;
    return seal(state->contexts, name, iv, cipher, mac);
  });
}

void set_session_time(SSL_SESSION* session, std::chrono::sys_seconds now) {
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
  SSL_SESSION_set_time_ex(session, std::chrono::system_clock::to_time_t(now));
#else
  SSL_SESSION_set_time(session, static_cast<long>(now.time_since_epoch().count()));
#endif
}

std::optional<SessionAppData> new_session(const ConnectionState& state) {
  const HostContext* host = state.host_context();
  if (host == nullptr) return std::nullopt;
  if (state.peer) return SessionAppData{host->session_context(), state.peer->chain};
  const std::chrono::sys_seconds now = state.contexts.library().now();
  return SessionAppData{
      host->session_context(),
      {.elements = {}, .session_start = now, .session_deadline = now + state.host_options()->session_lifetime}};
}

// Before a ticket is sealed, or TLS 1.3 gives a session id for one.
int on_ticket_sealed(SSL* ssl, void*) noexcept {
  return guarded(0, [ssl] {
    const ConnectionState* state = state_of(ssl);
    SSL_SESSION* session = SSL_get_session(ssl);
    if (state == nullptr || session == nullptr) return 0;
    // TLS 1.2 has promised a ticket before it was known; 1.3 must never come here without one to give.
    if (!may_resume_later(ssl, *state)) return SSL_version(ssl) == TLS1_3_VERSION ? 0 : 1;
    return mark_session(ssl, *state, session) ? 1 : 0;
  });
}

SSL_TICKET_RETURN on_ticket_opened(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                   SSL_TICKET_STATUS status, void*) noexcept {
  // Refusing a ticket costs the client a full handshake, and that one ends with the alert that fits.
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
    // What did not decrypt has left errors in the queue, which would be taken for the handshake's.
    ERR_clear_error();
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return guarded(SSL_TICKET_RETURN_IGNORE_RENEW, [=] {
    const ConnectionState* state = state_of(ssl);
    if (state == nullptr || !judge_session(session, *state)) return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (!allow_tickets(ssl, *state->host_context(), true)) {
      return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    // A TLS 1.3 ticket should be used once (RFC 8446 section C.4), so its user gets another.
    const bool renew = status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) == TLS1_3_VERSION;
    return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
  });
}

}  // namespace

bool install_session_tickets(SSL_CTX* context) {
  return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &on_ticket_key) == 1 &&
         SSL_CTX_set_session_ticket_cb(context, &on_ticket_sealed, &on_ticket_opened, nullptr) == 1;
}

bool may_resume_later(const SSL* ssl, const ConnectionState& state) {
  const HostOptions* host = state.host_options();
  if (host == nullptr || !host->session_tickets || state.report.reason != Reason::none) return false;
  return SSL_session_reused(ssl) == 1 || state.peer != nullptr || host->client_auth != ClientAuth::strict;
}

// A resumed session passes its data on as they are, and with them its first deadline: else a session could be renewed
// for ever.
bool mark_session(SSL* ssl, const ConnectionState& state, SSL_SESSION* session) {
  const bool resumed = SSL_session_reused(ssl) == 1;
  const auto data = resumed ? decode_session(app_data_of(session)) : new_session(state);
  if (!data) return false;
  const std::string bytes = encode_session(*data);
  if (SSL_SESSION_set1_ticket_appdata(session, bytes.data(), bytes.size()) != 1) return false;
  const std::chrono::sys_seconds now = state.contexts.library().now();
  const auto end = session_end(*data, state.host_options()->session_lifetime);
  // From now on: OpenSSL would count a renewed TLS 1.2 ticket's time from the first handshake, and end it too early.
  set_session_time(session, now);
  SSL_SESSION_set_timeout(session, static_cast<long>(std::max(end - now, std::chrono::seconds(1)).count()));
  return true;
}

core::Result<SessionAppData> judge_session(const SSL_SESSION* session, const ConnectionState& state) {
  const auto refused = [](Reason reason, std::string why) {
    return core::fail(reason, core::Side::client, std::move(why));
  };
  const HostOptions* host = state.host_options();
  const HostContext* context = state.host_context();
  if (host == nullptr || context == nullptr) return refused(Reason::internal, "a session before a host was chosen");
  if (!host->session_tickets) return refused(Reason::internal, "a session where none is given");
  auto data = decode_session(app_data_of(session));
  if (!data) return refused(Reason::internal, "a session without its data");
  if (data->session_context != context->session_context()) return refused(Reason::internal, "another host's session");
  const std::chrono::sys_seconds now = state.contexts.library().now();
  if (data->chain.session_start > now + core::kClockSkew) {
    return refused(Reason::internal, "a session of a handshake that is still to come");
  }
  if (now >= session_end(*data, host->session_lifetime)) {
    return refused(Reason::expired, "the session's deadline has passed");
  }
  if (data->chain.elements.empty()) {
    // Certificate and chain come together or not at all.
    if (SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session)) != nullptr ||
        host->client_auth == ClientAuth::strict) {
      return refused(Reason::no_certificate, "an anonymous session where a certificate is required");
    }
    return *data;
  }
  if (host->client_auth == ClientAuth::off) return refused(Reason::internal, "an identity where none is asked for");
  if (const Reason reason = judge(data->chain, now, *host, state.contexts.revocations()); reason != Reason::none) {
    return refused(reason, std::string(to_string(reason)));
  }
  // A full handshake brings the issuer's certificate, without which nobody can be asked about the leaf.
  if (host->trust->ocsp && data->chain.elements.size() > 1 && !issuer_of(data->chain, state)) {
    return refused(Reason::ocsp_unavailable, "a session whose issuer this worker has not met");
  }
  return *data;
}

std::shared_ptr<const Der> issuer_of(const VerifiedChain& chain, const ConnectionState& state) {
  if (chain.elements.size() < 2) return nullptr;
  const core::Sha256& issuer_key = chain.elements.front().issuer_key;
  if (auto met = state.contexts.revocations().issuers.find(issuer_key)) return met;
  const HostOptions* host = state.host_options();
  if (host == nullptr || !host->trust || !host->trust->ocsp) return nullptr;
  const auto& anchors = host->trust->ocsp->anchors;
  const auto found = anchors.find(issuer_key);
  return found == anchors.end() ? nullptr : found->second;
}

}  // namespace gateway::tls
