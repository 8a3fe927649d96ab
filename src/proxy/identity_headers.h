#pragma once

#include <string>

#include "core/peer_identity.h"

namespace gateway::proxy {

// `Client-Cert` of RFC 9440: the leaf certificate as a byte sequence of RFC 8941, with its line end.
void write_client_cert_field(const core::PeerIdentity& identity, std::string& out);

// Envoy's `X-Forwarded-Client-Cert` with its line end: Hash (SHA-256 of the certificate), Subject, then every URI and
// DNS SAN. By and Cert are left out: we have no name of our own, and Client-Cert carries the certificate. No value can
// end its quotes: a quote or backslash in a name is written as an escape of the name's own syntax, so that parsers with
// and without backslash rules agree.
void write_forwarded_client_cert_field(const core::PeerIdentity& identity, std::string& out);

}  // namespace gateway::proxy
