#pragma once

#include <cstddef>
#include <cstdint>

// The bounds of TLS that only this folder needs; the others stand in core/limits.h.
namespace gateway::tls {

// A ticket carries the leaf, and OpenSSL fails the handshake whose ticket would pass 0xff00 bytes.
inline constexpr std::size_t kMaxLeafBytes = 32 << 10;
inline constexpr std::size_t kMaxPresentedCertificates = 32;
inline constexpr std::size_t kMaxChainElements = 32;  // of a verified chain, the anchor included
inline constexpr std::size_t kMaxSerialBytes = 64;    // RFC 5280 says 20; some CAs exceed it
inline constexpr std::size_t kMaxAltNames = 1024;
// More names than this are not sent at all: half a list would tell a client that its CA isn't wanted.
inline constexpr std::size_t kMaxCaNames = 128;
inline constexpr std::size_t kMaxCaNamesBytes = 16 << 10;
inline constexpr std::size_t kMaxReportedOffers = 16;  // versions or protocols in a log line
inline constexpr std::size_t kMaxReportedBytes = 256;  // of one text that a peer chose
// Handshake messages after the handshake (KeyUpdate, renegotiation attempts): so many, and one more for each 64 KiB of
// data.
inline constexpr std::uint64_t kFreePostHandshakeMessages = 32;
inline constexpr std::uint64_t kBytesPerPostHandshakeMessage = 64 << 10;

}  // namespace gateway::tls
