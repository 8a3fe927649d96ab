#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace gateway::tls {

// Empties this thread's OpenSSL error queue into one line, oldest first; "" if there was nothing.
std::string take_openssl_errors();

// Reason internal, side gateway: `what` and whatever the error queue adds.
std::unexpected<core::Error> openssl_failure(std::string_view what);

}  // namespace gateway::tls
