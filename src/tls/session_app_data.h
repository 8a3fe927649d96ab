#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/peer_identity.h"
#include "tls/judge.h"

namespace gateway::tls {

// What a session remembers of the handshake that made it, sealed into its ticket: OpenSSL keeps no chain and no
// deadline.
struct SessionAppData {
  core::Sha256 session_context{};
  VerifiedChain chain;  // with the absolute deadline; no elements for an anonymous client
};

// When the session ends under a host whose sessions live for `lifetime`: a shorter one reaches sessions that exist, a
// longer one gives them nothing that their handshake did not.
std::chrono::sys_seconds session_end(const SessionAppData& session, std::chrono::seconds lifetime);

std::string encode_session(const SessionAppData& session);
// nullopt for anything that encode_session() would not have written.
std::optional<SessionAppData> decode_session(std::string_view bytes);

}  // namespace gateway::tls
