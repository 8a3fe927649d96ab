#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/peer_identity.h"
#include "core/reason.h"
#include "proxy/snapshot.h"

namespace gateway::proxy {

// One finished request. Views live as long as the call; everything that a peer chose is escaped by the formatter.
struct RequestRecord {
  std::chrono::system_clock::time_point time{};  // of the first byte
  std::string_view request_id{};
  std::string_view source_ip{};
  std::uint16_t source_port = 0;
  std::string_view listener{};
  std::string_view virtual_host{};
  std::string_view route{};
  std::string_view upstream{};
  std::string_view endpoint{};
  std::string_view method{};
  std::string_view host{};
  std::string_view path{};  // with query, as forwarded
  unsigned version_minor = 1;
  unsigned status = 0;
  std::uint64_t request_bytes = 0;   // body
  std::uint64_t response_bytes = 0;  // body
  std::chrono::microseconds duration{};
  std::chrono::microseconds upstream_connect{};
  std::chrono::microseconds upstream_first_byte{};
  std::string_view tls_version{};
  std::string_view tls_cipher{};
  std::string_view sni{};
  bool resumed = false;
  std::string_view client_auth{};  // mode of the virtual host
  const core::PeerIdentity* identity = nullptr;
  std::string_view policy{};
  std::string_view rule{};
  std::string_view decision{};  // "allow", "deny" or ""
  core::Reason reason = core::Reason::none;
  std::string_view detail{};
};

// One failed handshake (or a connection that never got that far).
struct HandshakeRecord {
  std::chrono::system_clock::time_point time{};
  std::string_view source_ip{};
  std::uint16_t source_port = 0;
  std::string_view listener{};
  std::string_view virtual_host{};
  std::string_view client_auth{};
  std::string_view sni{};
  core::Reason reason = core::Reason::none;
  std::string_view detail{};
  std::string_view tls_version{};
  std::string_view offered_versions{};
  std::string_view offered_alpn{};
  std::string_view presented_subject{};
  std::string_view presented_issuer{};
  std::chrono::microseconds duration{};
};

// A connection that was ended because its client is not admitted any more.
struct ConnectionRecord {
  std::chrono::system_clock::time_point time{};
  std::string_view source_ip{};
  std::uint16_t source_port = 0;
  std::string_view listener{};
  std::string_view virtual_host{};
  std::string_view client_auth{};
  std::string_view sni{};
  const core::PeerIdentity* identity = nullptr;
  core::Reason reason = core::Reason::none;
  std::chrono::microseconds duration{};  // since it was accepted
};

// Each appends one line with its newline. JSON keys are documented in docs/configuration.md (access_log).
void format_request(const RequestRecord& record, LogFormat format, std::string& out);
void format_handshake(const HandshakeRecord& record, LogFormat format, std::string& out);
void format_connection(const ConnectionRecord& record, LogFormat format, std::string& out);

}  // namespace gateway::proxy
