#pragma once

#include "proxy/http_head.h"

namespace gateway::proxy {

// Whether a message is part of an authentication that binds to the connection and not to the request (NTLM, and
// Negotiate of RFC 4559): an upstream takes whatever comes next on that connection for the same user's. Such a
// connection must never carry another client's request.
bool authenticates_connection(const RequestHead& request);
bool authenticates_connection(const ResponseHead& response);

}  // namespace gateway::proxy
