#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway::tls {

// Strict parsers of the ClientHello extensions that we judge ourselves. Pure; input is the extension's body.

// RFC 6066 section 3: exactly one entry, of type host_name, 1 to 255 bytes, every length exact. The name is returned as
// sent. nullopt for anything else: what can't be understood must never select a host.
std::optional<std::string_view> parse_server_name(std::string_view extension);

// RFC 7301 section 3.1: a non-empty list of non-empty names, every length exact.
std::optional<std::vector<std::string_view>> parse_protocol_names(std::string_view extension);

// RFC 8446 section 4.2.1, for a log line: "TLSv1.3,TLSv1.2"; unknown versions in hex, GREASE (RFC 8701) left out,
// bounded.
std::string describe_supported_versions(std::string_view extension);
std::string describe_version(unsigned version);

}  // namespace gateway::tls
