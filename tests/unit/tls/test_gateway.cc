#include "test_gateway.h"

#include <openssl/err.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "tls/crl_file.h"
#include "tls/key_type.h"

namespace gateway::tls::test {
namespace {

void require(bool good, const std::string& what) {
  if (good) return;
  std::fprintf(stderr, "test gateway: %s\n", what.c_str());
  ERR_print_errors_fp(stderr);
  std::abort();
}

constexpr unsigned kServerNameType = TLSEXT_TYPE_server_name;

int add_raw_bytes(SSL*, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*, std::size_t, int*,
                  void* bytes) {
  const auto* body = static_cast<const std::string*>(bytes);
  *out = reinterpret_cast<const unsigned char*>(body->data());
  *size = body->size();
  return 1;
}

// OpenSSL doesn't let a client write server_name itself, so its bytes are put in another extension's place and renamed.
constexpr unsigned kStandInType = 0xfff0;

}  // namespace

const Issued& server_ca() {
  static const Issued ca = make_root("Server CA");
  return ca;
}

const Issued& client_root() {
  static const Issued root = make_root("Client Root");
  return root;
}

std::shared_ptr<const TrustSet> make_trust(const std::vector<Issued>& anchors, const std::vector<std::string>& crls) {
  auto trust = std::make_shared<TrustSet>();
  trust->name = "clients";
  for (const Issued& anchor : anchors) trust->anchors.push_back(anchor.der());
  std::vector<CrlFile> files;
  for (const std::string& crl : crls) files.push_back(parse_crl_file(crl).value());
  auto index = CrlIndex::build(files, trust->anchors);
  require(index.has_value(), "CRL index");
  trust->crls = *index;
  return trust;
}

ServerCertificate certificate_of(const Issued& leaf, const std::vector<const Issued*>& issuers) {
  ServerCertificate certificate;
  certificate.key_type = key_type_of(leaf.key.get());
  certificate.chain = {leaf.der()};
  for (const Issued* issuer : issuers) certificate.chain.push_back(issuer->der());
  certificate.private_key = std::make_shared<const core::Secret>(leaf.key_der());
  return certificate;
}

Gateway::Gateway(const std::vector<HostSpec>& hosts) {
  start(hosts);
}

Gateway::Gateway(const std::vector<HostSpec>& hosts, const Gateway& sibling)
    : now_(sibling.now_), sessions_(sibling.sessions_), keys_(sibling.keys_) {
  start(hosts);
}

void Gateway::start(const std::vector<HostSpec>& hosts) {
  library_ = make_worker_library([now = now_] { return *now; });
  share_sessions(*library_, sessions_);
  reload(hosts);
}

void Gateway::reload(const std::vector<HostSpec>& hosts) {
  static std::map<std::string, Issued> servers;
  options_.clear();
  auto table = std::make_shared<core::HostTable>();
  for (const HostSpec& spec : hosts) {
    auto server = servers.find(spec.name);
    if (server == servers.end()) server = servers.emplace(spec.name, make_server(spec.name, server_ca())).first;
    auto options = std::make_shared<HostOptions>();
    options->name = spec.name;
    options->client_auth = spec.client_auth;
    options->certificates = spec.certificates;
    if (spec.certificates.empty()) options->certificates = {certificate_of(server->second)};
    if (spec.stapling) {
      options->stapled = {{.certificate = options->certificates[0].chain.front(), .issuer = {}, .responder = {}}};
    }
    options->trust = spec.client_auth == ClientAuth::off ? nullptr : spec.trust;
    options->settings = spec.settings;
    options->settings.min_version = spec.min_version;
    options->settings.max_version = spec.max_version;
    options->max_client_chain_bytes = spec.max_client_chain_bytes;
    options->on_refusal = spec.on_refusal;
    options->session_tickets = spec.session_tickets;
    options->session_store = spec.session_store;
    options->session_lifetime = spec.session_lifetime;
    const auto index = static_cast<std::uint32_t>(options_.size());
    options_.push_back(options);
    for (const std::string& pattern : spec.patterns.empty() ? std::vector{spec.name} : spec.patterns) {
      table->add(pattern, index);
    }
    if (spec.is_default) table->set_default(index);
  }
  table_ = table;
  build();
}

void Gateway::rotate_ticket_keys() {
  keys_ = TicketKeys::rotate(*keys_);
  build();
}

void Gateway::use_ticket_keys(std::shared_ptr<const TicketKeys> keys) {
  keys_ = std::move(keys);
  build();
}

void Gateway::build() {
  auto contexts = WorkerContexts::build(library_, HostList(options_), keys_, contexts_.get());
  require(contexts.has_value(), contexts ? "" : contexts.error().detail);
  contexts_ = *contexts;
}

std::unique_ptr<TlsSession> Gateway::accept() const {
  auto session = TlsSession::create(contexts_, table_);
  require(session.has_value(), "session");
  return std::move(*session);
}

Client::Client(const ClientSpec& spec)
    : context_(SSL_CTX_new(TLS_client_method())), raw_server_name_(spec.raw_server_name), padding_(spec.padding, 'p') {
  SSL_CTX* ctx = context_.get();
  SSL_CTX_set_security_level(ctx, 0);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_min_proto_version(ctx, spec.version != 0 ? spec.version : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ctx, spec.version != 0 ? spec.version : TLS1_3_VERSION);
  if (!spec.groups.empty()) require(SSL_CTX_set1_groups_list(ctx, spec.groups.c_str()) == 1, "groups");
  if (!spec.tls12_ciphers.empty()) require(SSL_CTX_set_cipher_list(ctx, spec.tls12_ciphers.c_str()) == 1, "ciphers");
  if (!spec.signature_algorithms.empty()) {
    require(SSL_CTX_set1_sigalgs_list(ctx, spec.signature_algorithms.c_str()) == 1, "signature algorithms");
  }
  if (!spec.tls13_suites.empty()) require(SSL_CTX_set_ciphersuites(ctx, spec.tls13_suites.c_str()) == 1, "suites");
  if (spec.certificate != nullptr) {
    require(SSL_CTX_use_certificate(ctx, spec.certificate->certificate.get()) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(ctx, spec.certificate->key.get()) == 1, "key");
    for (const Issued* one : spec.chain) require(SSL_CTX_add1_chain_cert(ctx, one->certificate.get()) == 1, "chain");
  }
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, [](SSL* ssl, SSL_SESSION* session) {
    auto* client = static_cast<Client*>(SSL_get_app_data(ssl));
    client->session_ = SessionPtr(session, SSL_SESSION_free);
    ++client->tickets_;
    return 1;
  });
  SSL_CTX_set_info_callback(ctx, [](const SSL* ssl, int where, int what) {
    if ((where & SSL_CB_READ) != 0 && (where & SSL_CB_ALERT) != 0) {
      static_cast<Client*>(SSL_get_app_data(ssl))->alert_ = what & 0xff;
    }
  });
  if (!raw_server_name_.empty()) {
    require(SSL_CTX_add_custom_ext(ctx, kStandInType, SSL_EXT_CLIENT_HELLO, add_raw_bytes, nullptr, &raw_server_name_,
                                   nullptr, nullptr) == 1,
            "raw server name");
  }
  for (unsigned type = kStandInType + 1; !padding_.empty() && type <= kStandInType + 2; ++type) {
    require(SSL_CTX_add_custom_ext(ctx, type, SSL_EXT_CLIENT_HELLO, add_raw_bytes, nullptr, &padding_, nullptr,
                                   nullptr) == 1,
            "padding");
  }
  ssl_.reset(SSL_new(ctx));
  if (spec.asks_status) require(SSL_set_tlsext_status_type(ssl_.get(), TLSEXT_STATUSTYPE_ocsp) == 1, "status");
  SSL_set_app_data(ssl_.get(), this);
  if (!spec.server_name.empty() && raw_server_name_.empty()) {
    require(SSL_set_tlsext_host_name(ssl_.get(), spec.server_name.c_str()) == 1, "server name");
  }
  std::string protocols;
  for (const std::string& protocol : spec.protocols) protocols += static_cast<char>(protocol.size()) + protocol;
  if (!protocols.empty()) {
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
  }
  // A copy: OpenSSL's client offers a TLS 1.3 session once, and then a test would see a full handshake and pass.
  const SessionPtr offered(spec.session ? SSL_SESSION_dup(spec.session.get()) : nullptr, SSL_SESSION_free);
  if (spec.session) require(offered && SSL_set_session(ssl_.get(), offered.get()) == 1, "session");
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_connect_state(ssl_.get());
}

// Without a shutdown OpenSSL would not let the client's session be resumed.
Client::~Client() {
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

SessionPtr Client::session() const {
  if (SSL_version(ssl_.get()) == TLS1_3_VERSION) return session_;
  // The callback doesn't come for a renewed TLS 1.2 ticket.
  SessionPtr session(SSL_get1_session(ssl_.get()), SSL_SESSION_free);
  return session && SSL_SESSION_is_resumable(session.get()) == 1 ? session : nullptr;
}

bool Client::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const bool alive = result == 1 || SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return alive;
}

void Client::receive(std::string_view bytes) {
  if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
}

std::string Client::take_output() {
  std::string bytes(BIO_ctrl_pending(out_), '\0');
  if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
  if (!raw_server_name_.empty()) {
    // Only a ClientHello holds it. The transcript no longer matches, but a refusal comes before that matters.
    const std::string stand_in{static_cast<char>(kStandInType >> 8), static_cast<char>(kStandInType & 0xff)};
    const std::string wanted{static_cast<char>(kServerNameType >> 8), static_cast<char>(kServerNameType & 0xff)};
    const std::string size{static_cast<char>(raw_server_name_.size() >> 8),
                           static_cast<char>(raw_server_name_.size() & 0xff)};
    const auto at = bytes.find(stand_in + size + raw_server_name_);
    if (at != std::string::npos) bytes.replace(at, 2, wanted);
  }
  return bytes;
}

bool Client::write(std::string_view text) {
  ERR_clear_error();
  return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
}

std::string Client::read() {
  std::string all;
  std::array<char, 4096> buffer{};
  ERR_clear_error();
  for (int size = 0; (size = SSL_read(ssl_.get(), buffer.data(), buffer.size())) > 0;) {
    all.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ERR_clear_error();
  return all;
}

Connection connect(const Gateway& gateway, const ClientSpec& spec, std::size_t chunk) {
  Connection made{gateway.accept(), std::make_unique<Client>(spec)};
  // Flights, not bytes, are counted: a handshake has few.
  for (int flight = 0; flight < 10; ++flight) {
    made.client->handshake();
    const std::string sent = made.client->take_output();
    for (std::size_t at = 0; at < sent.size() && made.status == HandshakeStatus::pending; at += chunk) {
      const std::string piece = sent.substr(at, chunk);
      made.server->lend(piece);
      made.status = made.server->handshake();
      made.server->reclaim();
    }
    const std::string answer = std::exchange(made.server->output(), {});
    made.client->receive(answer);
    if (sent.empty() && answer.empty()) break;
  }
  made.client->handshake();
  made.client->read();
  return made;
}

std::string exchange(Connection& connection) {
  std::string received;
  const std::string sent = connection.client->take_output();
  connection.server->lend(sent);
  std::array<char, 4096> buffer{};
  for (ReadResult result; (result = connection.server->read(buffer)).status == ReadStatus::data;) {
    received.append(buffer.data(), result.bytes);
  }
  connection.server->reclaim();
  connection.client->receive(std::exchange(connection.server->output(), {}));
  return received;
}

}  // namespace gateway::tls::test
