#include "tls/tls_session.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/limits.h"
#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::vector<HostSpec> open_host() {
  return {{.is_default = true, .client_auth = ClientAuth::off}};
}

HandshakeStatus feed(TlsSession& session, const std::string& bytes) {
  session.lend(bytes);
  const HandshakeStatus status = session.handshake();
  session.reclaim();
  return status;
}

std::string record(char type, const std::string& body) {
  return std::string{type, 3, 3, static_cast<char>(body.size() >> 8), static_cast<char>(body.size() & 0xff)} + body;
}

// The one record of a ClientHello as records of `size` bytes each.
std::string split_hello(const std::string& hello, std::size_t size) {
  std::string split;
  for (std::size_t at = 5; at < hello.size(); at += size) split += record(22, hello.substr(at, size));
  return split;
}

}  // namespace

TEST_CASE("a handshake works however its bytes are cut") {
  const Gateway gateway({HostSpec{}});
  const Issued alice = make_client("alice", client_root());
  for (const int version : kVersions) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      CHECK(connect(gateway, {.version = version, .certificate = &alice}, chunk).common_name() == "alice");
    }
  }
}

TEST_CASE("a ClientHello split over many records still names its host") {
  const Gateway gateway({{.name = "open.example", .is_default = true, .client_auth = ClientAuth::off},
                         {.name = "strict.example", .client_auth = ClientAuth::strict}});
  for (const std::size_t size : {std::size_t{4}, std::size_t{50}}) {
    for (const int version : kVersions) {
      Client client({.version = version, .server_name = "strict.example"});
      client.handshake();
      const auto server = gateway.accept();
      CHECK(feed(*server, split_hello(client.take_output(), size)) == HandshakeStatus::pending);
      CHECK(server->report().sni == "strict.example");
      CHECK(server->report().host == 1);
    }
  }
}

TEST_CASE("clear-text HTTP is told from garbage, and neither is answered in TLS") {
  const Gateway gateway(open_host());
  struct Row {
    std::vector<std::string> pieces;
    Reason reason;
  };
  for (const Row& row :
       {Row{{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, Reason::plain_http}, Row{{"P", "OS", "T ", "/"}, Reason::plain_http},
        Row{{std::string(64, '\0')}, Reason::not_tls}, Row{{"SSH-2.0-x\r\n"}, Reason::not_tls},
        Row{{record(21, std::string("\2\x28", 2))}, Reason::not_tls},
        Row{{std::string("\x80\x2e\x01\x03\x03", 5) + std::string(41, '\1')}, Reason::not_tls}}) {
    const auto server = gateway.accept();
    HandshakeStatus status = HandshakeStatus::pending;
    for (const std::string& piece : row.pieces) status = feed(*server, piece);
    CHECK(status == HandshakeStatus::refused);
    CHECK(server->report().reason == row.reason);
    CHECK(server->output().empty());
    CHECK_FALSE(server->report().host);
  }
}

TEST_CASE("garbage in TLS clothes is not_tls") {
  const Gateway gateway(open_host());
  for (const std::string& bytes :
       {record(22, std::string("\x01\0\0\x04zzzz", 8)), record(22, std::string("\x02\0\0\0", 4)),
        record(22, std::string(50, 'x')), std::string("\x16\x03\x01\xff\xff") + std::string(70'000, 'x'),
        std::string("\x16\x03\x03\0\0", 5) + record(23, "x")}) {
    const auto server = gateway.accept();
    CHECK(feed(*server, bytes) == HandshakeStatus::refused);
    CHECK(server->report().reason == Reason::not_tls);
    CHECK_FALSE(server->report().detail.empty());
  }
}

TEST_CASE("what a handshake may weigh is bounded, records and all") {
  const Gateway gateway(open_host());
  Client client({.padding = 25'000});
  client.handshake();
  const std::string hello = client.take_output();
  const auto plain = gateway.accept();
  CHECK(feed(*plain, hello) == HandshakeStatus::pending);
  const auto server = gateway.accept();
  CHECK(feed(*server, split_hello(hello, 1)) == HandshakeStatus::refused);
  CHECK(server->report().reason == Reason::too_large);
}

TEST_CASE("records that a handshake ignores are not taken without end") {
  const Gateway gateway(open_host());
  Client client({});
  client.handshake();
  const auto server = gateway.accept();
  HandshakeStatus status = feed(*server, client.take_output());
  std::size_t sent = 0;
  for (; status == HandshakeStatus::pending && sent < 2 * gateway::core::kMaxHandshakeBytes; sent += 600) {
    std::string flood;
    for (int i = 0; i < 100; ++i) flood += record(20, "\1");
    status = feed(*server, flood);
  }
  CHECK(status == HandshakeStatus::refused);
  CHECK(sent <= gateway::core::kMaxHandshakeBytes);
  CHECK(server->unread_input() <= 600);
}

TEST_CASE("a client that refuses us is reported with its alert") {
  const Gateway gateway(open_host());
  for (const int version : kVersions) {
    Client client({.version = version});
    SSL_set_verify(client.ssl(), SSL_VERIFY_PEER, nullptr);
    const auto server = gateway.accept();
    HandshakeStatus status = HandshakeStatus::pending;
    for (int i = 0; i < 4 && status == HandshakeStatus::pending; ++i) {
      client.handshake();
      status = feed(*server, client.take_output());
      client.receive(std::exchange(server->output(), {}));
    }
    CHECK(status == HandshakeStatus::refused);
    CHECK(server->report().reason == Reason::client_alert);
    CHECK(server->report().detail == "unknown CA");
    CHECK(server->report().host == 0);
  }
}

TEST_CASE("a client that goes away in the handshake is client_closed") {
  const Gateway gateway(open_host());
  Client client({.version = TLS1_2_VERSION});
  client.handshake();
  const auto server = gateway.accept();
  CHECK(feed(*server, client.take_output()) == HandshakeStatus::pending);
  CHECK(feed(*server, record(21, std::string("\1\0", 2))) == HandshakeStatus::refused);
  CHECK(server->report().reason == Reason::client_closed);
}

TEST_CASE("a handshake that is given up keeps the first reason") {
  const Gateway gateway(open_host());
  const auto waiting = gateway.accept();
  CHECK(waiting->handshake() == HandshakeStatus::pending);
  waiting->abandon(Reason::timeout);
  CHECK(waiting->report().reason == Reason::timeout);
  CHECK(waiting->handshake() == HandshakeStatus::refused);
  waiting->abandon(Reason::draining);
  CHECK(waiting->report().reason == Reason::timeout);
  Connection done = connect(gateway, {});
  done.server->abandon(Reason::timeout);
  CHECK(done.reason() == Reason::none);
}

TEST_CASE("the report names the cipher and the version") {
  const Gateway gateway(open_host());
  CHECK(connect(gateway, {.version = TLS1_3_VERSION}).report().cipher == "TLS_AES_128_GCM_SHA256");
  const Connection made =
      connect(gateway, {.version = TLS1_2_VERSION, .tls12_ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"});
  CHECK(made.report().cipher == "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
}

TEST_CASE("plaintext goes both ways in any size") {
  const Gateway gateway(open_host());
  for (const int version : kVersions) {
    Connection made = connect(gateway, {.version = version});
    REQUIRE(made.established());
    std::string big(1 << 20, 'x');
    for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 31 >> 3);
    REQUIRE(made.client->write(big));
    CHECK(exchange(made) == big);
    CHECK(made.server->write(""));
    CHECK(made.server->write(big));
    made.client->receive(std::exchange(made.server->output(), {}));
    CHECK(made.client->read() == big);
  }
}

TEST_CASE("what was lent and not read is kept and comes first") {
  const Gateway gateway(open_host());
  Connection made = connect(gateway, {});
  REQUIRE(made.client->write("one"));
  const std::string first = made.client->take_output();
  REQUIRE(made.client->write("two"));
  const std::string second = made.client->take_output();
  std::array<char, 16> buffer{};
  {
    const std::string both = first + second.substr(0, 5);
    made.server->lend(both);
    CHECK(made.server->read(buffer).bytes == 3);
    CHECK(made.server->unread_input() == 5);
    made.server->reclaim();
  }
  CHECK(made.server->unread_input() == 5);
  const std::string rest = second.substr(5);
  made.server->lend(rest);
  const ReadResult result = made.server->read(buffer);
  CHECK(std::string_view(buffer.data(), result.bytes) == "two");
  CHECK(made.server->read(buffer).status == ReadStatus::want_input);
  made.server->reclaim();
  CHECK(made.server->unread_input() == 0);
}

TEST_CASE("a plaintext buffer smaller than a record takes it in pieces") {
  const Gateway gateway(open_host());
  Connection made = connect(gateway, {});
  REQUIRE(made.client->write("abcdef"));
  const std::string sent = made.client->take_output();
  made.server->lend(sent);
  std::array<char, 4> buffer{};
  CHECK(made.server->read(buffer).bytes == 4);
  CHECK(made.server->read(buffer).bytes == 2);
  CHECK(made.server->read(buffer).status == ReadStatus::want_input);
}

TEST_CASE("close_notify ends each direction once") {
  const Gateway gateway(open_host());
  for (const int version : kVersions) {
    Connection made = connect(gateway, {.version = version});
    SSL_shutdown(made.client->ssl());
    const std::string sent = made.client->take_output();
    made.server->lend(sent);
    std::array<char, 16> buffer{};
    CHECK(made.server->read(buffer).status == ReadStatus::closed);
    CHECK(made.server->read(buffer).status == ReadStatus::closed);
    made.server->reclaim();
    CHECK(made.server->write("still open this way"));
    made.client->receive(std::exchange(made.server->output(), {}));
    made.server->shutdown();
    made.server->shutdown();
    CHECK_FALSE(made.server->write("too late"));
    const std::string farewell = std::exchange(made.server->output(), {});
    made.client->receive(farewell);
    CHECK(made.client->read() == "still open this way");
    CHECK((SSL_get_shutdown(made.client->ssl()) & SSL_RECEIVED_SHUTDOWN) != 0);
  }
}

TEST_CASE("a record that was tampered with ends the session") {
  const Gateway gateway(open_host());
  for (const int version : kVersions) {
    Connection made = connect(gateway, {.version = version});
    REQUIRE(made.client->write("secret"));
    std::string sent = made.client->take_output();
    sent.back() = static_cast<char>(sent.back() ^ 1);
    made.server->lend(sent);
    std::array<char, 16> buffer{};
    CHECK(made.server->read(buffer).status == ReadStatus::failed);
    CHECK_FALSE(made.server->last_error().detail.empty());
    CHECK_FALSE(made.server->output().empty());  // the alert
    CHECK_FALSE(made.server->write("x"));
    CHECK(made.server->read(buffer).status == ReadStatus::failed);
  }
}

TEST_CASE("before it is established a session neither reads nor writes") {
  const Gateway gateway(open_host());
  const auto server = gateway.accept();
  std::array<char, 16> buffer{};
  CHECK(server->read(buffer).status == ReadStatus::failed);
  CHECK_FALSE(server->write("x"));
  server->shutdown();
  CHECK(server->output().empty());
}

TEST_CASE("renegotiation is refused") {
  const Gateway gateway(open_host());
  Connection made = connect(gateway, {.version = TLS1_2_VERSION});
  REQUIRE(SSL_renegotiate(made.client->ssl()) == 1);
  made.client->handshake();
  CHECK(exchange(made).empty());
  made.client->handshake();
  CHECK(made.client->alert() == SSL_AD_NO_RENEGOTIATION);
}

TEST_CASE("key updates are served, but not without end") {
  const Gateway gateway(open_host());
  Connection made = connect(gateway, {.version = TLS1_3_VERSION});
  std::array<char, 16> buffer{};
  int updates = 0;
  ReadStatus status = ReadStatus::want_input;
  for (; updates < 1000 && status == ReadStatus::want_input; ++updates) {
    REQUIRE(SSL_key_update(made.client->ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
    made.client->handshake();
    const std::string sent = made.client->take_output();
    made.server->lend(sent);
    status = made.server->read(buffer).status;
    made.server->reclaim();
    if (updates == 10) {
      REQUIRE(made.client->write("ping"));
      CHECK(exchange(made) == "ping");
      CHECK(made.server->write("pong"));
      made.client->receive(std::exchange(made.server->output(), {}));
      CHECK(made.client->read() == "pong");
    }
  }
  CHECK(status == ReadStatus::failed);
  CHECK(updates > 30);
  CHECK(updates < 40);
}

TEST_CASE("early data are not taken") {
  const Gateway gateway(open_host());
  ClientSpec spec{};
  spec.session = connect(gateway, spec).client->session();
  REQUIRE(spec.session != nullptr);
  CHECK(SSL_SESSION_get_max_early_data(spec.session.get()) == 0);
}

TEST_CASE("a handshake gives one ticket, and so does a resumption") {
  const Gateway gateway(open_host());
  const Connection made = connect(gateway, {});
  CHECK(made.client->tickets() == 1);
  const Connection again = connect(gateway, {.session = made.client->session()});
  CHECK(again.report().resumed);
  CHECK(again.client->tickets() == 1);
}

TEST_CASE("the versions and modes have the words of the log") {
  CHECK(to_string(ClientAuth::off) == "off");
  CHECK(to_string(ClientAuth::optional) == "optional");
  CHECK(to_string(ClientAuth::strict) == "strict");
  CHECK(to_string(ProtocolVersion::tls12) == "TLSv1.2");
  CHECK(to_string(ProtocolVersion::tls13) == "TLSv1.3");
}
