#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/peer_identity.h"
#include "proxy/http_head.h"
#include "proxy/request_target.h"
#include "proxy/snapshot.h"

namespace gateway::proxy {

// What is known of the connection when a request arrives on it.
struct AdmissionFacts {
  const Snapshot* snapshot = nullptr;
  const Listener* listener = nullptr;
  std::optional<std::uint32_t> handshake_host;   // which virtual host the TLS handshake chose; none on a plain listener
  const core::PeerIdentity* identity = nullptr;  // null: anonymous
  core::Reason barred = core::Reason::none;      // the handshake was refused for this (tls::HandshakeStatus::barred)
  core::IpAddress source_ip;
};

struct Admission {
  core::Reason reason = core::Reason::none;  // none: admitted. Else `virtual_host` and `route` are for the log only
  std::string detail;                        // for the log
  RequestTarget target;
  std::string host;            // canonical
  std::string forwarded_host;  // canonical, with the port that the client named
  const VirtualHost* virtual_host = nullptr;
  const Route* route = nullptr;
  std::optional<policy::Decision> decision;
  bool redirect = false;  // to https, at `forwarded_host`'s name

  // As new, but for the memory that it keeps.
  void clear();
};

// Whether this request may go on, and where. The one gate in front of every route: what became of the handshake, host
// against handshake, mode, policy, route, what the route requires. Views nothing of `head` after the call. Whatever
// `admission` held before is gone, but its memory is used again.
void admit(const AdmissionFacts& facts, const RequestHead& head, Admission& admission);

}  // namespace gateway::proxy
