#include "tls/session_cache_callbacks.h"

#include <openssl/err.h>

#include <algorithm>
#include <optional>
#include <span>

#include "tls/connection_state.h"
#include "tls/der_reader.h"
#include "tls/session_ticket.h"

namespace gateway::tls {
namespace {

using SessionPtr = Owned<SSL_SESSION, SSL_SESSION_free>;

constexpr unsigned char kPeerCertificate = 0xa3;  // [3] of OpenSSL's SSL_SESSION

int cache_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::optional<SessionId> id_of(std::span<const unsigned char> bytes) {
  SessionId id{};
  if (bytes.size() != id.size()) return std::nullopt;
  std::ranges::copy(bytes, id.begin());
  return id;
}

std::optional<SessionId> id_of(const SSL_SESSION* session) {
  unsigned size = 0;
  const unsigned char* bytes = SSL_SESSION_get_id(session, &size);
  return id_of(std::span(bytes, size));
}

// A session as OpenSSL serialises it, with its secret: wiped when it goes.
struct Serialised {
  explicit Serialised(const SSL_SESSION* session) : size(i2d_SSL_SESSION(session, &bytes)) {}
  Serialised(const Serialised&) = delete;
  Serialised& operator=(const Serialised&) = delete;
  ~Serialised() { OPENSSL_clear_free(bytes, size > 0 ? static_cast<std::size_t>(size) : 0); }
  [[nodiscard]] std::string_view view() const {
    return size > 0 ? std::string_view(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)) : "";
  }

  unsigned char* bytes = nullptr;
  int size = 0;
};

// The session without the client's certificate, which would cost more to parse than all the rest: whom the handshake
// proved is known. Empty if OpenSSL serialises otherwise than expected.
core::Secret der_without_certificate(const SSL_SESSION* session) {
  const Serialised whole(session);
  const auto fields = DerReader(whole.view()).take(kDerSequence);
  if (!fields) return {};
  std::string_view certificate;
  for (DerReader in(*fields); !in.at_end();) {
    const auto field = in.next();
    if (!field) return {};
    if (field->tag == kPeerCertificate) certificate = field->whole;
  }
  if (certificate.empty()) return core::Secret(whole.view());
  // In place, so that there is one copy to wipe. A shorter content has no longer header.
  const std::string header = der_header(kDerSequence, fields->size() - certificate.size());
  const std::size_t header_at = whole.view().size() - fields->size() - header.size();
  const auto gap = static_cast<std::size_t>(certificate.data() - whole.view().data());
  std::ranges::copy(whole.view().substr(gap + certificate.size()), whole.bytes + gap);
  std::ranges::copy(header, whole.bytes + header_at);
  return core::Secret(whole.view().substr(header_at, header.size() + fields->size() - certificate.size()));
}

SessionPtr session_of(const core::Secret& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.view().data());
  SessionPtr session(d2i_SSL_SESSION(nullptr, &at, static_cast<long>(der.view().size())));
  // What it left in the queue would be taken for the handshake's.
  if (!session) ERR_clear_error();
  return session;
}

// After a full handshake, and in TLS 1.3 for each session that is given away.
int on_session_made(SSL* ssl, SSL_SESSION* session) noexcept {
  constexpr int kNotTaken = 0;  // no reference is kept
  return guarded(kNotTaken, [=] {
    ConnectionState* state = state_of(ssl);
    const HostContext* host = state == nullptr ? nullptr : state->host_context();
    if (host == nullptr || !host->caches_sessions() || !may_resume_later(ssl, *state)) return kNotTaken;
    // TLS 1.3 has asked for it before.
    if (SSL_version(ssl) != TLS1_3_VERSION && !mark_session(ssl, *state, session)) return kNotTaken;
    const auto id = id_of(session);
    auto made = std::make_shared<CachedSession>();
    made->der = der_without_certificate(session);
    if (!id || made->der.empty()) return kNotTaken;
    made->id = *id;
    made->end = state->contexts.library().now() + std::chrono::seconds(SSL_SESSION_get_timeout(session));
    state->made = std::move(made);
    return kNotTaken;
  });
}

// For the session that the client wants: in TLS 1.3 before it has proved that it has its secret. Refusing it costs the
// client a full handshake, and that one ends with the alert that fits.
SSL_SESSION* on_session_wanted(SSL* ssl, const unsigned char* bytes, int size, int* copy) noexcept {
  *copy = 0;  // the reference is OpenSSL's from now on
  return guarded<SSL_SESSION*>(nullptr, [=]() -> SSL_SESSION* {
    ConnectionState* state = state_of(ssl);
    if (state == nullptr) return nullptr;
    state->offered.reset();
    const HostContext* host = state->host_context();
    const auto id = id_of(std::span(bytes, static_cast<std::size_t>(std::max(size, 0))));
    if (host == nullptr || !host->caches_sessions() || !id) return nullptr;
    const WorkerLibrary& library = state->contexts.library();
    auto cached = library.sessions().find(*id, library.now());
    if (!cached) return nullptr;
    SessionPtr session = session_of(cached->der);
    if (!session || !judge_session(session.get(), *state) || !allow_tickets(ssl, *host, true)) return nullptr;
    // A TLS 1.3 session should be used once (RFC 8446 section C.4), so its user gets another.
    if (SSL_version(ssl) == TLS1_3_VERSION) library.sessions().retire(*id, library.now());
    state->offered = std::move(cached);
    return session.release();
  });
}

// After a fatal alert: the session must be forgotten (RFC 5246 section 7.2.2, RFC 8446 section 6.2).
void on_session_failed(SSL_CTX* context, SSL_SESSION* session) noexcept {
  auto* cache = static_cast<SessionCache*>(SSL_CTX_get_ex_data(context, cache_index()));
  const auto id = id_of(session);
  if (cache != nullptr && id) cache->remove(*id);
}

}  // namespace

bool install_session_cache(SSL_CTX* context, SessionCache& cache) {
  SSL_CTX_sess_set_new_cb(context, &on_session_made);
  SSL_CTX_sess_set_get_cb(context, &on_session_wanted);
  SSL_CTX_sess_set_remove_cb(context, &on_session_failed);
  return SSL_CTX_set_ex_data(context, cache_index(), &cache) == 1;
}

}  // namespace gateway::tls
