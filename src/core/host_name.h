#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway::core {

// The one canonical form of a host, used for SNI (RFC 6066), Host, :authority (RFC 9110 section 7.2) and the config
// alike: lower-case ASCII, no port, no trailing dot; an IPv4 literal stays, an IPv6 literal is compressed and in
// brackets. nullopt for whatever is no host: empty, over 253 bytes, a label over 63 bytes or empty, any byte but
// letters, digits,
// '-', '_' and '.', user information, a malformed port.
std::optional<std::string> canonical_host(std::string_view host_and_port);
// The same into `out`, whose memory is used again. False leaves in it what is of no use.
bool canonical_host(std::string_view host_and_port, std::string& out);

// As above for a name that can't have a port (SNI, a config entry).
std::optional<std::string> canonical_host_name(std::string_view host);

}  // namespace gateway::core
