#pragma once

#include <cstdint>
#include <string_view>

namespace gateway::tls {

enum class FirstBytes : std::uint8_t { undecided, tls, plain_http, garbage };

// No more bytes than this are needed to decide.
inline constexpr std::size_t kFirstBytesNeeded = 32;

// What a connection to the TLS port begins with. Looked at before OpenSSL sees a byte, since it would answer clear text
// with a TLS alert, or accept an SSLv2 hello.
FirstBytes classify_first_bytes(std::string_view bytes) noexcept;

}  // namespace gateway::tls
