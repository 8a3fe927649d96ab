#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "test_pki.h"
#include "tls/crl_index.h"
#include "tls/session_cache.h"
#include "tls/ticket_keys.h"
#include "tls/tls_session.h"

// A gateway and its clients in memory: TlsSession on one side, OpenSSL's client on the other.
namespace gateway::tls::test {

// One CA for all servers, and one PKI for clients: making keys is what costs time.
const Issued& server_ca();
const Issued& client_root();

std::shared_ptr<const TrustSet> make_trust(const std::vector<Issued>& anchors,
                                           const std::vector<std::string>& crls = {});

// What a host shows: `leaf`, then `issuers`.
ServerCertificate certificate_of(const Issued& leaf, const std::vector<const Issued*>& issuers = {});

// What a client can come back with.
struct SessionKind {
  int version;
  SessionStore store;
};
inline constexpr SessionKind kSessionKinds[] = {
    {TLS1_2_VERSION, SessionStore::process},
    {TLS1_2_VERSION, SessionStore::tickets},
    {TLS1_3_VERSION, SessionStore::process},
    {TLS1_3_VERSION, SessionStore::tickets},
};

struct HostSpec {
  std::string name = "host.example";  // of the virtual host and its only host name, unless `patterns` says otherwise
  std::vector<std::string> patterns = {};
  bool is_default = false;
  ClientAuth client_auth = ClientAuth::strict;
  std::shared_ptr<const TrustSet> trust = make_trust({client_root()});
  ProtocolVersion min_version = ProtocolVersion::tls12;
  ProtocolVersion max_version = ProtocolVersion::tls13;
  std::vector<ServerCertificate> certificates = {};  // empty: one of the server CA for `name`
  OnRefusal on_refusal = OnRefusal::alert;
  bool session_tickets = true;
  SessionStore session_store = SessionStore::process;
  std::chrono::seconds session_lifetime = core::kSessionLifetime;
  TlsSettings settings = settings_of(TlsProfile::intermediate);  // but the versions
  std::size_t max_client_chain_bytes = core::kMaxClientChainBytes;
  bool stapling = false;
};

class Gateway {
 public:
  explicit Gateway(const std::vector<HostSpec>& hosts);
  // Another worker of the same daemon: its sessions, keys and clock.
  Gateway(const std::vector<HostSpec>& hosts, const Gateway& sibling);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  // A new snapshot.
  void reload(const std::vector<HostSpec>& hosts);
  void rotate_ticket_keys();
  void use_ticket_keys(std::shared_ptr<const TicketKeys> keys);
  [[nodiscard]] std::unique_ptr<TlsSession> accept() const;
  [[nodiscard]] std::chrono::sys_seconds now() const { return *now_; }
  void advance(std::chrono::seconds by) { *now_ += by; }
  [[nodiscard]] const HostOptions& host(std::uint32_t index = 0) const { return *options_[index]; }
  // The server certificate of a host.
  [[nodiscard]] const Der& leaf(std::uint32_t index = 0) const {
    return options_[index]->certificates[0].chain.front();
  }
  [[nodiscard]] const std::shared_ptr<const WorkerContexts>& contexts() const { return contexts_; }
  [[nodiscard]] SessionCache& sessions() const { return *sessions_; }

 private:
  void start(const std::vector<HostSpec>& hosts);
  void build();

  std::shared_ptr<std::chrono::sys_seconds> now_ = std::make_shared<std::chrono::sys_seconds>(real_now());
  std::shared_ptr<SessionCache> sessions_ = std::make_shared<SessionCache>(core::kSessionCapacity);
  std::shared_ptr<WorkerLibrary> library_;
  std::shared_ptr<const TicketKeys> keys_ = TicketKeys::generate();
  std::vector<std::shared_ptr<const HostOptions>> options_;
  std::shared_ptr<const core::HostTable> table_;
  std::shared_ptr<const WorkerContexts> contexts_;
};

using SessionPtr = std::shared_ptr<SSL_SESSION>;

struct ClientSpec {
  int version = TLS1_3_VERSION;  // 0: 1.2 and 1.3
  std::string server_name = "host.example";
  std::vector<std::string> protocols = {};
  const Issued* certificate = nullptr;
  std::vector<const Issued*> chain = {};
  SessionPtr session = {};
  std::string groups = "";
  std::string tls12_ciphers = "";
  std::string signature_algorithms = "";
  std::string tls13_suites = "";
  // Replaces the server_name extension's body.
  std::string raw_server_name = "";
  // Two unknown extensions of this size make the ClientHello large.
  std::size_t padding = 0;
  bool asks_status = false;  // for an OCSP staple
};

class Client {
 public:
  explicit Client(const ClientSpec& spec);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Takes what the server sent; what is to be sent to it. False once the handshake failed here.
  bool handshake();
  void receive(std::string_view bytes);
  std::string take_output();

  [[nodiscard]] bool write(std::string_view text);
  // Reads all there is; also makes the client see alerts and tickets that come after its handshake.
  std::string read();

  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  // The alert that came in, or -1.
  [[nodiscard]] int alert() const { return alert_; }
  // The session of the last ticket or of the session id, or null.
  [[nodiscard]] SessionPtr session() const;
  // How many sessions the server offered.
  [[nodiscard]] int tickets() const { return tickets_; }

 private:
  SslContextPtr context_;
  SslPtr ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  int alert_ = -1;
  SessionPtr session_;
  int tickets_ = 0;
  std::string raw_server_name_;
  std::string padding_;
};

// The outcome of a handshake, both ends alive.
struct Connection {
  std::unique_ptr<TlsSession> server;
  std::unique_ptr<Client> client;
  HandshakeStatus status = HandshakeStatus::pending;

  [[nodiscard]] const HandshakeReport& report() const { return server->report(); }
  [[nodiscard]] core::Reason reason() const { return server->report().reason; }
  [[nodiscard]] bool established() const { return status == HandshakeStatus::established; }
  [[nodiscard]] bool barred() const { return status == HandshakeStatus::barred; }
  [[nodiscard]] std::string common_name() const {
    const auto peer = server->peer();
    return peer && !peer->identity->common_names.empty() ? peer->identity->common_names[0] : "";
  }
};

// `chunk`: at most so many bytes at a time reach the server.
Connection connect(const Gateway& gateway, const ClientSpec& spec, std::size_t chunk = 1 << 20);
// One round of both directions after the handshake, the server reading everything; returns what it read.
std::string exchange(Connection& connection);

}  // namespace gateway::tls::test

namespace gateway::core {
// For doctest's messages.
inline std::ostream& operator<<(std::ostream& out, Reason reason) {
  return out << to_string(reason);
}
}  // namespace gateway::core
