#pragma once

#include <openssl/ssl.h>

#include "core/result.h"
#include "tls/connection_state.h"
#include "tls/session_app_data.h"

namespace gateway::tls {

// Installs the callbacks that seal and open tickets, put our app data into them and judge it before a session is
// resumed.
bool install_session_tickets(SSL_CTX* context);

// What a session may be resumed with under today's host: session context, deadline, mode and judge() in one place, for
// the ticket callback and for the assertion after the handshake. Error: why not.
core::Result<SessionAppData> judge_session(const SSL_SESSION* session, const ConnectionState& state);

// The certificate of the leaf's issuer: one of the anchors, or an intermediate that this worker has met. Null if it is
// neither.
std::shared_ptr<const Der> issuer_of(const VerifiedChain& chain, const ConnectionState& state);

}  // namespace gateway::tls
