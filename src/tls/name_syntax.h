#pragma once

#include <string_view>

namespace gateway::tls {

// A dNSName as RFC 5280 section 4.2.1.6 wants it: letters, digits and inner hyphens in labels of 1 to 63 bytes, 253 in
// all, no trailing dot. The first label may be "*", and then another follows.
bool is_dns_name(std::string_view name) noexcept;

// local-part "@" domain, in visible ASCII with the one "@" (RFC 5280's Mailbox without quoted local parts).
bool is_mailbox(std::string_view address) noexcept;

// A scheme, a colon and something behind it: RFC 5280 allows no relative URI.
bool is_absolute_uri(std::string_view uri) noexcept;

}  // namespace gateway::tls
