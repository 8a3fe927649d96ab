#pragma once

#include <openssl/ssl.h>

#include "core/result.h"
#include "tls/connection_state.h"
#include "tls/session_app_data.h"

namespace gateway::tls {

// Installs the callbacks that seal and open tickets, put our app data into them and judge it before a session is
// resumed.
bool install_session_tickets(SSL_CTX* context);

// Whether this connection's client may come back with a session. Asked for each one that is to be given away: a client
// whose refusal HTTP tells (HandshakeStatus::barred) must be left with nothing.
bool may_resume_later(const SSL* ssl, const ConnectionState& state);

// Writes into a session that is to be given away what judge_session() wants to know of it, and its times. False: it
// must not be given.
bool mark_session(SSL* ssl, const ConnectionState& state, SSL_SESSION* session);

// What a session may be resumed with under today's host: session context, deadline, mode and judge() in one place, for
// the callbacks that open a ticket or look a session up, and for the assertion after the handshake. Error: why not.
core::Result<SessionAppData> judge_session(const SSL_SESSION* session, const ConnectionState& state);

// The certificate of the leaf's issuer: one of the anchors, or an intermediate that this worker has met. Null if it is
// neither.
std::shared_ptr<const Der> issuer_of(const VerifiedChain& chain, const ConnectionState& state);

}  // namespace gateway::tls
