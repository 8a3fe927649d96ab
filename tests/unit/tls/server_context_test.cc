#include "tls/server_context.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "core/limits.h"
#include "test_gateway.h"
#include "tls/chain_verifier.h"
#include "tls/worker_context_set.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

// From OpenSSL 3.2 on.
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
constexpr std::uint64_t kNoCertificateCompression = SSL_OP_NO_RX_CERTIFICATE_COMPRESSION;
#else
constexpr std::uint64_t kNoCertificateCompression = 0;
#endif

const WorkerContextSet& set_of(const Gateway& gateway) {
  return static_cast<const WorkerContextSet&>(*gateway.contexts());
}

std::shared_ptr<const TrustSet> with_depth(unsigned depth) {
  auto trust = std::make_shared<TrustSet>(*make_trust({client_root()}));
  trust->depth = depth;
  return trust;
}

int peer_chain_size(const Connection& made) {
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(made.client->ssl());
  return chain == nullptr ? 0 : sk_X509_num(chain);
}

std::vector<std::string> ca_names(const Connection& made) {
  std::vector<std::string> names;
  const STACK_OF(X509_NAME)* list = SSL_get0_peer_CA_list(made.client->ssl());
  for (int i = 0; list != nullptr && i < sk_X509_NAME_num(list); ++i) {
    std::array<char, 256> text{};
    X509_NAME_get_text_by_NID(sk_X509_NAME_value(list, i), NID_commonName, text.data(), text.size());
    names.emplace_back(text.data());
  }
  return names;
}

}  // namespace

TEST_CASE("apply_host leaves nothing of the listener's context behind") {
  const Gateway gateway({
      {.name = "off", .client_auth = ClientAuth::off, .max_version = ProtocolVersion::tls12},
      {.name = "optional",
       .client_auth = ClientAuth::optional,
       .trust = with_depth(3),
       .min_version = ProtocolVersion::tls13},
      {.name = "strict", .client_auth = ClientAuth::strict, .trust = with_depth(7)},
      {.name = "sealing", .trust = with_depth(7), .session_store = SessionStore::tickets},
      {.name = "forgetful", .trust = with_depth(7), .session_tickets = false},
  });
  struct Row {
    int verify_mode;
    int depth;
    int min_version;
    int max_version;
    std::uint64_t no_ticket = SSL_OP_NO_TICKET;
    std::size_t tickets = 1;
    bool has_id = true;
  };
  constexpr int kDemanded = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  const Row rows[] = {
      {SSL_VERIFY_NONE, 0, TLS1_2_VERSION, TLS1_2_VERSION},
      {SSL_VERIFY_PEER, 3, TLS1_3_VERSION, TLS1_3_VERSION},
      {kDemanded, 7, TLS1_2_VERSION, TLS1_3_VERSION},
      {kDemanded, 7, TLS1_2_VERSION, TLS1_3_VERSION, 0, 1, false},
      {kDemanded, 7, TLS1_2_VERSION, TLS1_3_VERSION, SSL_OP_NO_TICKET, 0, false},
  };
  for (std::uint32_t i = 0; i < std::size(rows); ++i) {
    CAPTURE(i);
    const HostContext& host = *set_of(gateway).host_context(i);
    const SslPtr ssl(SSL_new(set_of(gateway).listener()));
    REQUIRE(apply_host(ssl.get(), host));
    CHECK(SSL_get_SSL_CTX(ssl.get()) == host.ssl_context());
    CHECK(SSL_get_verify_mode(ssl.get()) == rows[i].verify_mode);
    CHECK((SSL_get_verify_callback(ssl.get()) == &tolerate_times));
    CHECK(SSL_get_verify_depth(ssl.get()) == rows[i].depth);
    CHECK(X509_VERIFY_PARAM_get_auth_level(SSL_get0_param(ssl.get())) == 2);
    CHECK(SSL_get_min_proto_version(ssl.get()) == rows[i].min_version);
    CHECK(SSL_get_max_proto_version(ssl.get()) == rows[i].max_version);
    CHECK(SSL_get_options(ssl.get()) == (SSL_OP_NO_COMPRESSION | kNoCertificateCompression | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                         SSL_OP_ENABLE_MIDDLEBOX_COMPAT | rows[i].no_ticket));
    // In TLS 1.2 this tells the client the session's id.
    CHECK(((SSL_CTX_get_session_cache_mode(host.ssl_context()) & SSL_SESS_CACHE_SERVER) != 0) == rows[i].has_id);
    CHECK((SSL_get_mode(ssl.get()) & SSL_MODE_RELEASE_BUFFERS) != 0);
    CHECK((SSL_get_mode(ssl.get()) & SSL_MODE_NO_AUTO_CHAIN) != 0);
    CHECK(SSL_get_max_cert_list(ssl.get()) == static_cast<long>(gateway::core::kMaxClientChainBytes));
    CHECK(SSL_get_num_tickets(ssl.get()) == rows[i].tickets);
    CHECK(SSL_get_security_level(ssl.get()) == 2);
    CHECK(SSL_get_certificate(ssl.get()) != nullptr);
  }
}

TEST_CASE("the listener's own context serves nobody") {
  const Gateway gateway({{.client_auth = ClientAuth::off}});
  SSL_CTX* listener = set_of(gateway).listener();
  CHECK(SSL_CTX_get_verify_mode(listener) == (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
  CHECK((SSL_CTX_get_verify_callback(listener) == &refuse_verify_step));
  CHECK(SSL_CTX_get_verify_depth(listener) == 0);
  CHECK(SSL_CTX_get0_certificate(listener) == nullptr);
  CHECK(SSL_CTX_get_num_tickets(listener) == 0);
  CHECK((SSL_CTX_get_options(listener) & SSL_OP_NO_TICKET) != 0);
  CHECK(sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(listener))) == 0);

  // Without our state no callback chooses a host: the handshake ends there.
  Client client({});
  client.handshake();
  const SslPtr ssl(SSL_new(listener));
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl.get());
  const std::string hello = client.take_output();
  BIO_write(SSL_get_rbio(ssl.get()), hello.data(), static_cast<int>(hello.size()));
  CHECK(SSL_do_handshake(ssl.get()) != 1);
  CHECK_FALSE(SSL_is_init_finished(ssl.get()));
}

TEST_CASE("the listener's own context refuses every client, even if no callback stops it for want of a host") {
  const Gateway gateway({{.client_auth = ClientAuth::off}});
  SSL_CTX* listener = set_of(gateway).listener();
  SSL_CTX_set_client_hello_cb(listener, nullptr, nullptr);
  const Issued server = make_server("host.example", server_ca());
  const std::string key_der = server.key_der();
  const auto* at = reinterpret_cast<const unsigned char*>(key_der.data());
  const PkeyPtr key(d2i_AutoPrivateKey_ex(nullptr, &at, static_cast<long>(key_der.size()),
                                          set_of(gateway).library().context(), nullptr));
  const Issued alice = make_client("alice", client_root());
  for (const Issued* certificate : {static_cast<const Issued*>(nullptr), &alice}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      CAPTURE(version);
      Client client({.version = version, .certificate = certificate});
      const SslPtr ssl(SSL_new(listener));
      REQUIRE(SSL_use_certificate(ssl.get(), server.certificate.get()) == 1);
      REQUIRE(SSL_use_PrivateKey(ssl.get(), key.get()) == 1);
      BIO* in = BIO_new(BIO_s_mem());
      BIO* out = BIO_new(BIO_s_mem());
      SSL_set_bio(ssl.get(), in, out);
      SSL_set_accept_state(ssl.get());
      for (int flight = 0; flight < 5; ++flight) {
        client.handshake();
        const std::string sent = client.take_output();
        if (!sent.empty()) BIO_write(in, sent.data(), static_cast<int>(sent.size()));
        SSL_do_handshake(ssl.get());
        std::string answer(BIO_ctrl_pending(out), '\0');
        if (!answer.empty()) BIO_read(out, answer.data(), static_cast<int>(answer.size()));
        client.receive(answer);
      }
      CHECK_FALSE(SSL_is_init_finished(ssl.get()));
      CHECK(SSL_get0_peer_certificate(client.ssl()) != nullptr);  // so it came as far as that
    }
  }
}

TEST_CASE("OpenSSL keeps no session of its own, whatever a host gives its clients") {
  const Issued alice = make_client("alice", client_root());
  for (const bool tickets : {true, false}) {
    for (const auto [version, store] : kSessionKinds) {
      CAPTURE(version);
      const HostSpec host{.session_tickets = tickets, .session_store = store};
      const Gateway gateway({host});
      for (int i = 0; i < 3; ++i) {
        Connection made = connect(gateway, {.version = version, .certificate = &alice});
        REQUIRE(made.established());
        exchange(made);
        // While it is open: one that ends without a close_notify takes its session out of a cache.
        CHECK(SSL_CTX_sess_number(set_of(gateway).listener()) == 0);
        CHECK(SSL_CTX_sess_number(set_of(gateway).host_context(0)->ssl_context()) == 0);
      }
    }
  }
}

TEST_CASE("a session of a host carries that host's session context") {
  const Gateway gateway({{.name = "a.example", .client_auth = ClientAuth::off}});
  // proven_peer() refuses anything else, so an established connection proves it.
  CHECK(connect(gateway, {.server_name = "a.example"}).established());
}

TEST_CASE("the server's chain is never completed from the client CAs") {
  const Gateway gateway({{.client_auth = ClientAuth::optional, .trust = make_trust({server_ca()})}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Connection made = connect(gateway, {.version = version});
    REQUIRE(made.established());
    CHECK(peer_chain_size(made) == 1);
  }
}

TEST_CASE("the certificate request names the host's anchors, unless that is off or too much") {
  const Issued second = make_root("Second Root");
  auto silent = std::make_shared<TrustSet>(*make_trust({client_root()}));
  silent->send_ca_names = false;
  auto many = std::make_shared<TrustSet>();
  for (int i = 0; i < 129; ++i) many->anchors.push_back(client_root().der());
  many->crls = *CrlIndex::build(std::vector<CrlFile>(), many->anchors);
  const Gateway gateway({
      {.name = "one.example", .client_auth = ClientAuth::optional},
      {.name = "two.example", .client_auth = ClientAuth::optional, .trust = make_trust({client_root(), second})},
      {.name = "silent.example", .client_auth = ClientAuth::optional, .trust = silent},
      {.name = "many.example", .client_auth = ClientAuth::optional, .trust = many},
  });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto names = [&](const char* host) {
      return ca_names(connect(gateway, {.version = version, .server_name = host}));
    };
    CHECK(names("one.example") == std::vector<std::string>{"Client Root"});
    CHECK(names("two.example") == std::vector<std::string>{"Client Root", "Second Root"});
    CHECK(names("silent.example").empty());
    CHECK(names("many.example").empty());
  }
}

TEST_CASE("a host whose content is unchanged keeps its context over a reload, with the new CRLs") {
  const Issued alice = make_client("alice", client_root());
  Gateway gateway({{.name = "host.example"}, {.name = "other.example"}});
  const auto before = gateway.contexts();
  const auto context = [](const std::shared_ptr<const WorkerContexts>& contexts, std::uint32_t index) {
    return static_cast<const WorkerContextSet&>(*contexts).host_context(index);
  };
  gateway.reload(
      {{.name = "host.example", .trust = make_trust({client_root()}, {make_crl(client_root(), {.revoked = {&alice}})})},
       {.name = "other.example", .client_auth = ClientAuth::off}});
  CHECK(context(gateway.contexts(), 0) == context(before, 0));
  CHECK(context(gateway.contexts(), 1) != context(before, 1));
  CHECK(connect(gateway, {.certificate = &alice}).reason() == Reason::revoked);
}

TEST_CASE("of a hundred hosts a reload builds the contexts of those that have changed") {
  std::vector<HostSpec> hosts(100);
  for (std::size_t i = 0; i < hosts.size(); ++i) hosts[i].name = "h" + std::to_string(i) + ".example";
  Gateway gateway(hosts);
  const auto before = gateway.contexts();
  for (const std::size_t changed : {7U, 42U, 99U}) hosts[changed].client_auth = ClientAuth::optional;
  // Another place in the list is no change.
  std::rotate(hosts.begin(), hosts.begin() + 1, hosts.end());
  gateway.reload(hosts);
  const auto& now = static_cast<const WorkerContextSet&>(*gateway.contexts());
  const auto& then = static_cast<const WorkerContextSet&>(*before);
  std::size_t reused = 0;
  for (std::uint32_t i = 0; i < hosts.size(); ++i) {
    if (now.host_context(i) == then.host_context((i + 1) % 100)) ++reused;
  }
  CHECK(reused == 97);
}

TEST_CASE("contexts that can't be built say which host and why") {
  const auto build = [](const HostOptions& options) {
    auto built = WorkerContexts::build(make_worker_library(), {std::make_shared<HostOptions>(options)},
                                       TicketKeys::generate(), nullptr);
    return built ? std::string() : built.error().detail;
  };
  HostOptions options = Gateway({HostSpec{}}).host();
  CHECK(build(options).empty());
  HostOptions broken = options;
  broken.trust = nullptr;
  CHECK(build(broken) == "virtual host host.example: client certificates can't be verified without a trust set");
  broken = options;
  ServerCertificate& certificate = broken.certificates[0];
  certificate.private_key = certificate_of(make_client("x", client_root())).private_key;
  CHECK(build(broken).find("host.example") != std::string::npos);
  certificate.private_key = std::make_shared<const gateway::core::Secret>("nonsense");
  CHECK(build(broken).find("private key") != std::string::npos);
  broken = options;
  broken.certificates[0].chain.clear();
  CHECK(build(broken).find("no server certificate") != std::string::npos);
  broken.certificates[0].chain = {"nonsense"};
  CHECK_FALSE(build(broken).empty());
  CHECK_FALSE(WorkerContexts::build(make_worker_library(), {}, nullptr, nullptr).has_value());
  CHECK_FALSE(WorkerContexts::build(nullptr, {}, TicketKeys::generate(), nullptr).has_value());
}

TEST_CASE("the digests of a host's options change with each thing that they stand for") {
  const HostOptions base = Gateway({HostSpec{}}).host();
  const auto changed = [&](auto change, bool session_too) {
    HostOptions other = base;
    change(other);
    CHECK(content_digest_of(other) != content_digest_of(base));
    CHECK((session_context_of(other) != session_context_of(base)) == session_too);
  };
  const auto trust_with = [&](auto change) {
    auto trust = std::make_shared<TrustSet>(*base.trust);
    change(*trust);
    return trust;
  };
  changed([](HostOptions& o) { o.name = "other"; }, true);
  changed([](HostOptions& o) { o.client_auth = ClientAuth::optional; }, true);
  changed([](HostOptions& o) { o.settings.min_version = ProtocolVersion::tls13; }, true);
  changed([](HostOptions& o) { o.settings.max_version = ProtocolVersion::tls12; }, true);
  changed([](HostOptions& o) { o.settings.ciphers.pop_back(); }, true);
  changed([](HostOptions& o) { o.settings.cipher_suites.pop_back(); }, true);
  changed([](HostOptions& o) { o.settings.groups.pop_back(); }, true);
  changed([](HostOptions& o) { o.settings.signature_algorithms.pop_back(); }, true);
  changed([](HostOptions& o) { std::swap(o.settings.ciphers[0], o.settings.ciphers[1]); }, true);
  changed([](HostOptions& o) { o.settings.min_rsa_bits = 3072; }, true);
  changed([](HostOptions& o) { o.max_client_chain_bytes = 2048; }, true);
  changed([&](HostOptions& o) { o.trust = trust_with([](TrustSet& t) { t.depth = 1; }); }, true);
  changed([&](HostOptions& o) { o.trust = trust_with([](TrustSet& t) { t.strict_profile = false; }); }, true);
  changed([&](HostOptions& o) { o.trust = trust_with([](TrustSet& t) { t.partial_chains = true; }); }, true);
  changed([&](HostOptions& o) { o.trust = trust_with([](TrustSet& t) { t.require_client_purpose = false; }); }, true);
  changed([&](HostOptions& o) { o.trust = trust_with([](TrustSet& t) { t.anchors.push_back(server_ca().der()); }); },
          true);
  changed([&](HostOptions& o) { o.trust = trust_with([](TrustSet& t) { t.send_ca_names = false; }); }, false);
  changed([](HostOptions& o) { o.on_refusal = OnRefusal::http; }, false);
  changed([](HostOptions& o) { o.session_tickets = false; }, false);
  changed([](HostOptions& o) { o.session_store = SessionStore::tickets; }, false);
  changed([](HostOptions& o) { o.certificates[0].private_key = std::make_shared<const gateway::core::Secret>("x"); },
          false);
  changed([](HostOptions& o) { o.certificates[0].chain.push_back(server_ca().der()); }, false);
  changed([](HostOptions& o) { o.stapled.emplace_back(); }, false);
  HostOptions same = base;
  same.trust = trust_with([](TrustSet& t) { t.crls = nullptr; });
  // Read for each session, so that a new one reaches those that exist.
  same.session_lifetime = std::chrono::hours(1);
  CHECK(content_digest_of(same) == content_digest_of(base));
}

TEST_CASE("what the control thread built serves on a worker's thread and may outlive it") {
  const Issued alice = make_client("alice", client_root());
  std::vector<std::unique_ptr<Gateway>> gateways;
  for (int i = 0; i < 2; ++i) gateways.push_back(std::make_unique<Gateway>(std::vector<HostSpec>{HostSpec{}}));
  std::vector<std::thread> workers;
  for (const auto& gateway : gateways) {
    workers.emplace_back([&gateway, &alice] {
      for (int i = 0; i < 5; ++i) CHECK(connect(*gateway, {.certificate = &alice}).established());
    });
  }
  for (std::thread& worker : workers) worker.join();
}
