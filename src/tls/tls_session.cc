#include "tls/tls_session.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/limits.h"
#include "tls/connection_state.h"
#include "tls/first_bytes.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"
#include "tls/peer_certificate.h"
#include "tls/reason_alert.h"
#include "tls/session_ticket.h"
#include "tls/stream_bio.h"

namespace gateway::tls {
namespace {

using core::Reason;

enum class SslOutcome : std::uint8_t { done, want_input, closed, failed };

class Session final : public TlsSession {
 public:
  Session(std::shared_ptr<const WorkerContextSet> contexts, std::shared_ptr<const core::HostTable> hosts)
      : contexts_(std::move(contexts)), hosts_(std::move(hosts)), state_{*contexts_, *hosts_, {}, false, nullptr} {}

  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  core::Result<bool> open();

  void lend(std::string_view ciphertext) override { stream_.lend(ciphertext); }
  void reclaim() override { stream_.reclaim(); }
  [[nodiscard]] std::size_t unread_input() const override { return stream_.unread(); }

  HandshakeStatus handshake() override;
  [[nodiscard]] const HandshakeReport& report() const override { return state_.report; }
  void abandon(Reason reason) override;

  ReadResult read(std::span<char> plaintext) override;
  bool write(std::string_view plaintext) override;
  void shutdown() override;
  [[nodiscard]] const core::Error& last_error() const override { return error_; }

  std::string& output() override { return stream_.output(); }
  [[nodiscard]] std::shared_ptr<const VerifiedPeer> peer() const override { return state_.peer; }
  [[nodiscard]] std::uint32_t host_index() const override { return state_.report.host.value_or(0); }

 private:
  // The one funnel for calls that use the record layer: `call` gets the SSL.
  template <typename Call>
  SslOutcome run(Call call);

  FirstBytes look_at_first_bytes() const;
  HandshakeStatus step();
  HandshakeStatus refuse(Reason reason, std::string detail);
  void explain_failure(SslOutcome outcome);
  HandshakeStatus finish_handshake();
  HandshakeStatus establish();
  HandshakeStatus bar();
  void complete_report();
  [[nodiscard]] bool stands() const {
    return status_ == HandshakeStatus::established || status_ == HandshakeStatus::barred;
  }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  core::Result<std::shared_ptr<const VerifiedPeer>> resumed_peer(const SSL_SESSION* session) const;
  [[nodiscard]] core::Result<std::shared_ptr<const VerifiedPeer>> cached_peer(const SessionAppData& data) const;
  void cache_session();
  core::Result<std::shared_ptr<const VerifiedPeer>> proven_peer() const;

  static void on_message(int written, int version, int type, const void* bytes, std::size_t size, SSL* ssl,
                         void* self) noexcept;
  void count_message();

  std::shared_ptr<const WorkerContextSet> contexts_;
  std::shared_ptr<const core::HostTable> hosts_;
  StreamBio stream_;
  ConnectionState state_;
  SslPtr ssl_;
  HandshakeStatus status_ = HandshakeStatus::pending;
  bool first_bytes_seen_ = false;
  bool failed_ = false;  // the session is beyond use
  bool shut_down_ = false;
  std::uint64_t data_read_ = 0;
  std::uint64_t late_messages_ = 0;  // handshake messages after the handshake
  unsigned long error_code_ = 0;     // of the last failed call
  core::Error error_;
};

// A connection that ends without a close_notify does not spoil its session (RFC 5246 section 7.2.1); OpenSSL would have
// it forgotten.
Session::~Session() {
  if (ssl_ && !failed_) SSL_set_shutdown(ssl_.get(), SSL_get_shutdown(ssl_.get()) | SSL_SENT_SHUTDOWN);
}

core::Result<bool> Session::open() {
  ssl_.reset(SSL_new(contexts_->listener()));
  BioPtr bio = stream_.make_bio();
  if (!ssl_ || !bio || !attach_state(ssl_.get(), state_)) return openssl_failure("no memory for a TLS session");
  BIO* both = bio.release();
  SSL_set_bio(ssl_.get(), both, both);
  SSL_set_accept_state(ssl_.get());
  stream_.set_read_limit(core::kMaxHandshakeBytes);
  return true;
}

template <typename Call>
SslOutcome Session::run(Call call) {
  // SSL_get_error() looks at this thread's queue: what another connection left there would be taken for ours. Clearing
  // an empty one costs far more than a look.
  if (ERR_peek_error() != 0) ERR_clear_error();
  const int result = call(ssl_.get());
  const int error = SSL_get_error(ssl_.get(), result);
  switch (error) {
    case SSL_ERROR_NONE:
      return SslOutcome::done;
    case SSL_ERROR_WANT_READ:
      return SslOutcome::want_input;
    case SSL_ERROR_ZERO_RETURN:
      return SslOutcome::closed;
    default:
      break;
  }
  failed_ = true;
  error_code_ = ERR_peek_last_error();
  error_ = {.reason = peer_alert_of(error_code_) >= 0 ? Reason::client_alert : Reason::internal,
            .side = core::Side::client,
            .retryable = false,
            .detail = take_openssl_errors()};
  return SslOutcome::failed;
}

FirstBytes Session::look_at_first_bytes() const {
  std::array<char, kFirstBytesNeeded> first{};
  return classify_first_bytes({first.data(), stream_.peek(first.data(), first.size())});
}

HandshakeStatus Session::refuse(Reason reason, std::string detail) {
  state_.refuse(reason, std::move(detail));
  state_.peer.reset();
  state_.made.reset();
  status_ = HandshakeStatus::refused;
  failed_ = true;
  return status_;
}

HandshakeStatus Session::handshake() {
  if (status_ != HandshakeStatus::pending) return status_;
  if (!first_bytes_seen_) {
    switch (look_at_first_bytes()) {
      case FirstBytes::undecided:
        return status_;
      case FirstBytes::plain_http:
        return refuse(Reason::plain_http, "a clear-text HTTP request");
      case FirstBytes::garbage:
        return refuse(Reason::not_tls, "the first bytes are no TLS record");
      case FirstBytes::tls:
        first_bytes_seen_ = true;
    }
  }
  return step();
}

HandshakeStatus Session::step() {
  const WorkerLibrary::AsDefault defaults(contexts_->library());
  const SharedCertificates::Use sharing(contexts_->known_clients().certificates);
  const SslOutcome outcome = run([](SSL* ssl) { return SSL_do_handshake(ssl); });
  if (outcome == SslOutcome::want_input) return status_;
  if (outcome == SslOutcome::done) return finish_handshake();
  explain_failure(outcome);
  return refuse(Reason::internal, "unexplained");
}

// Callbacks of ours have refused with their own reason already; what is left are OpenSSL's own findings.
void Session::explain_failure(SslOutcome outcome) {
  if (outcome == SslOutcome::closed) return state_.refuse(Reason::client_closed, "close_notify during the handshake");
  if (stream_.limit_hit()) return state_.refuse(Reason::too_large, "the handshake is too large");
  if (const int alert = peer_alert_of(error_code_); alert >= 0) {
    return state_.refuse(Reason::client_alert, SSL_alert_desc_string_long(alert));
  }
  Reason reason = reason_of_handshake_error(error_code_);
  if (!state_.hello_seen && reason != Reason::internal) reason = Reason::not_tls;
  state_.refuse(reason, error_.detail);
}

// The session that OpenSSL resumed must be the one that was looked up last, by what our data in it say of its chain.
core::Result<std::shared_ptr<const VerifiedPeer>> Session::cached_peer(const SessionAppData& data) const {
  if (!state_.offered) return openssl_failure("a resumed session that nobody looked up");
  const auto& peer = state_.offered->peer;
  if (!peer) {
    if (!data.chain.elements.empty()) return openssl_failure("a resumed session lost its identity");
    return nullptr;
  }
  if (data.chain != peer->chain || data.chain.elements.empty() ||
      data.chain.elements.front().fingerprint != peer->identity->fingerprint) {
    return openssl_failure("a resumed session's identity is not its chain's");
  }
  return peer;
}

core::Result<std::shared_ptr<const VerifiedPeer>> Session::resumed_peer(const SSL_SESSION* session) const {
  TRY(SessionAppData data, judge_session(session, state_));
  if (state_.host_context()->caches_sessions()) return cached_peer(data);
  if (data.chain.elements.empty()) return nullptr;
  const X509* leaf = SSL_get0_peer_certificate(ssl_.get());
  if (leaf == nullptr) return openssl_failure("a resumed session lost its certificate");
  auto peer = std::make_shared<VerifiedPeer>();
  TRY(core::PeerIdentity identity, identity_of(leaf, contexts_->library().sha256()));
  peer->identity = std::make_shared<const core::PeerIdentity>(std::move(identity));
  peer->chain = std::move(data.chain);
  peer->issuer = issuer_of(peer->chain, state_);
  if (peer->identity->fingerprint != peer->chain.elements.front().fingerprint) {
    return openssl_failure("a resumed session's certificate is not its chain's");
  }
  return peer;
}

// Looks at the finished handshake as a whole once more: whatever a callback missed is refused here.
core::Result<std::shared_ptr<const VerifiedPeer>> Session::proven_peer() const {
  const HostContext* host = state_.host_context();
  const SSL_SESSION* session = SSL_get_session(ssl_.get());
  if (host == nullptr || session == nullptr || SSL_get_SSL_CTX(ssl_.get()) != host->ssl_context()) {
    return openssl_failure("a handshake without a host");
  }
  unsigned size = 0;
  const unsigned char* context = SSL_SESSION_get0_id_context(session, &size);
  if (!std::ranges::equal(std::span(context, size), host->session_context())) {
    return openssl_failure("a session of another host");
  }
  std::shared_ptr<const VerifiedPeer> peer = state_.peer;
  if (resumed()) {
    TRY(peer, resumed_peer(session));
  }
  const bool has_certificate = SSL_get0_peer_certificate(ssl_.get()) != nullptr;
  if ((has_certificate || peer) && SSL_get_verify_result(ssl_.get()) != X509_V_OK) {
    return openssl_failure("a certificate that did not verify");
  }
  // A cached session has none: the peer stands beside it.
  const bool needs_certificate = peer && !(resumed() && host->caches_sessions());
  if (has_certificate != needs_certificate) return openssl_failure("a certificate that nobody verified");
  if (host->client_auth() == ClientAuth::strict && !peer)
    return openssl_failure("no certificate where one is required");
  if (host->client_auth() == ClientAuth::off && peer) return openssl_failure("a certificate that nobody asked for");
  return peer;
}

HandshakeStatus Session::finish_handshake() {
  const HostContext* host = state_.host_context();
  // Where OpenSSL is told to go on without a certificate, demanding one is ours. What a session resumes with is judged
  // by establish().
  if (host != nullptr && host->client_auth() == ClientAuth::strict && state_.tells_by_http(Reason::no_certificate) &&
      !resumed() && SSL_get0_peer_certificate(ssl_.get()) == nullptr) {
    state_.refuse(Reason::no_certificate, "peer did not return a certificate");
  }
  return state_.report.reason == Reason::none ? establish() : bar();
}

// A refusal that let the handshake go on. Whatever else got here ends like any other refused handshake.
HandshakeStatus Session::bar() {
  state_.peer.reset();
  state_.made.reset();
  const HostContext* host = state_.host_context();
  if (host == nullptr || SSL_get_SSL_CTX(ssl_.get()) != host->ssl_context() || resumed() ||
      !state_.tells_by_http(state_.report.reason)) {
    SSL_shutdown(ssl_.get());
    return refuse(Reason::internal, "a handshake that went on after its refusal");
  }
  complete_report();
  status_ = HandshakeStatus::barred;
  return status_;
}

HandshakeStatus Session::establish() {
  auto peer = proven_peer();
  if (!peer) {
    SSL_shutdown(ssl_.get());
    return refuse(Reason::internal, std::move(peer.error().detail));
  }
  state_.peer = std::move(*peer);
  cache_session();
  // The store has a copy, or the ticket: what is left of OpenSSL's session is this connection's alone.
  SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl_.get()), nullptr, 0);
  complete_report();
  status_ = HandshakeStatus::established;
  return status_;
}

// Not before the handshake is proven as a whole: what is refused leaves nothing behind.
void Session::cache_session() {
  state_.offered.reset();
  if (!state_.made) return;
  state_.made->peer = state_.peer;
  const WorkerLibrary& library = contexts_->library();
  library.sessions().put(std::exchange(state_.made, nullptr), library.now());
}

void Session::complete_report() {
  HandshakeReport& report = state_.report;
  report.version = SSL_version(ssl_.get()) == TLS1_3_VERSION ? ProtocolVersion::tls13 : ProtocolVersion::tls12;
  if (const char* name = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_.get()))) report.cipher = name;
  report.resumed = resumed();
  stream_.clear_read_limit();
  SSL_set_msg_callback(ssl_.get(), &Session::on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
}

void Session::abandon(Reason reason) {
  if (status_ == HandshakeStatus::pending) refuse(reason, std::string(to_string(reason)));
}

void Session::on_message(int written, int, int type, const void*, std::size_t, SSL*, void* self) noexcept {
  if (written == 0 && type == SSL3_RT_HANDSHAKE) static_cast<Session*>(self)->count_message();
}

// KeyUpdate and TLS 1.2 renegotiation attempts cost us far more than the peer.
void Session::count_message() {
  const std::uint64_t allowed = kFreePostHandshakeMessages + data_read_ / kBytesPerPostHandshakeMessage;
  if (++late_messages_ > allowed) stream_.cut();
}

ReadResult Session::read(std::span<char> plaintext) {
  if (!stands() || failed_) return {.status = ReadStatus::failed};
  std::size_t bytes = 0;
  const SslOutcome outcome =
      run([&](SSL* ssl) { return SSL_read_ex(ssl, plaintext.data(), plaintext.size(), &bytes); });
  data_read_ += bytes;
  switch (outcome) {
    case SslOutcome::done:
      return {ReadStatus::data, bytes, stream_.unread() != 0 || SSL_pending(ssl_.get()) != 0};
    case SslOutcome::want_input:
      return {.status = ReadStatus::want_input};
    case SslOutcome::closed:
      return {.status = ReadStatus::closed};
    case SslOutcome::failed:
      break;
  }
  if (stream_.limit_hit()) error_.detail = "too many handshake messages after the handshake";
  return {.status = ReadStatus::failed};
}

bool Session::write(std::string_view plaintext) {
  if (!stands() || failed_ || shut_down_) return false;
  if (plaintext.empty()) return true;
  std::size_t written = 0;
  const SslOutcome outcome =
      run([&](SSL* ssl) { return SSL_write_ex(ssl, plaintext.data(), plaintext.size(), &written); });
  // The BIO takes everything, so all was written or the session is broken.
  if (outcome != SslOutcome::done || written != plaintext.size()) failed_ = true;
  return !failed_;
}

void Session::shutdown() {
  if (!stands() || failed_ || shut_down_) return;
  shut_down_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace

core::Result<std::unique_ptr<TlsSession>> TlsSession::create(std::shared_ptr<const WorkerContexts> contexts,
                                                             std::shared_ptr<const core::HostTable> hosts) {
  if (!contexts || !hosts) return openssl_failure("a TLS session without contexts or hosts");
  auto session = std::make_unique<Session>(std::static_pointer_cast<const WorkerContextSet>(std::move(contexts)),
                                           std::move(hosts));
  TRY([[maybe_unused]] const bool opened, session->open());
  return session;
}

}  // namespace gateway::tls
