#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ip_address.h"
#include "proxy/worker_metrics.h"
#include "tls/judge.h"

namespace gateway::proxy {

// What is known of a client's connection, once its handshake stands.
struct ClientFacts {
  core::IpAddress source_ip;
  std::string source_text;
  std::uint16_t source_port = 0;
  bool tls = false;
  std::string tls_version;
  std::string tls_cipher;
  std::string sni;
  bool resumed = false;
  std::shared_ptr<const tls::VerifiedPeer> peer;  // null: anonymous
  // Not none: the handshake was refused for this, and stands only so that the client can be told. Whatever it asks for
  // is refused before anything else is looked at.
  core::Reason barred = core::Reason::none;

  [[nodiscard]] ClientKind kind() const {
    if (!tls) return ClientKind::none;
    return peer ? ClientKind::verified : ClientKind::anonymous;
  }
  [[nodiscard]] const core::PeerIdentity* identity() const { return peer ? peer->identity.get() : nullptr; }
};

}  // namespace gateway::proxy
