#pragma once

#include <openssl/ssl.h>

namespace gateway::tls {

// Installs the callbacks that choose a connection's virtual host in the ClientHello, before resumption is decided (what
// happens later is CVE-2025-23419), and its application protocol.
void install_host_selection(SSL_CTX* context);

}  // namespace gateway::tls
