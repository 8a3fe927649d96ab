#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// The bounds of TLS that only this folder needs; the others stand in core/limits.h.
namespace gateway::tls {

// A ticket carries the leaf, and OpenSSL fails the handshake whose ticket would pass 0xff00 bytes.
inline constexpr std::size_t kMaxLeafBytes = 32 << 10;
inline constexpr std::size_t kMaxPresentedCertificates = 32;
inline constexpr std::size_t kMaxChainElements = 32;  // of a verified chain, the anchor included
inline constexpr std::size_t kMaxSerialBytes = 64;    // RFC 5280 says 20; some CAs exceed it
// Of one worker, each some 10 KiB with its parsed certificate and its identity.
inline constexpr std::size_t kMaxVerifiedChains = 4096;
inline constexpr std::size_t kMaxSharedCertificates = 4096;
inline constexpr std::size_t kMaxKnownIssuerPaths = 1024;
inline constexpr int kMaxExtensions = 128;  // of one certificate
inline constexpr int kMaxDetours = 4;       // other paths tried for one chain
inline constexpr std::size_t kMaxAltNames = 1024;
// More names than this are not sent at all: half a list would tell a client that its CA isn't wanted.
inline constexpr std::size_t kMaxCaNames = 128;
inline constexpr std::size_t kMaxCaNamesBytes = 16 << 10;
inline constexpr std::size_t kMaxReportedOffers = 16;  // versions or protocols in a log line
inline constexpr std::size_t kMaxReportedBytes = 256;  // of one text that a peer chose
// OCSP. A response is a few hundred bytes, with a delegate's certificate two or three thousand.
inline constexpr std::size_t kMaxOcspResponseBytes = 64 << 10;
inline constexpr int kMaxOcspCertificates = 8;  // in one response
inline constexpr int kMaxOcspAnswers = 64;      // in one response; one is what we ask for
inline constexpr std::size_t kMaxOcspUrlBytes = 1024;
// A responder's clock may be so much ahead of ours.
inline constexpr std::chrono::seconds kOcspClockSkew{300};
// Without a nextUpdate the responder says that it can always do better (RFC 6960 section 4.2.2.1): an answer older than
// the first is a replay, and it is used again for no longer than the second.
inline constexpr std::chrono::seconds kOcspMaxAgeWithoutNextUpdate{600};
inline constexpr std::chrono::seconds kOcspReuseWithoutNextUpdate{60};
// However long the responder says that it is valid.
inline constexpr std::chrono::seconds kOcspMaxReuse{3600};
// The next answer is fetched so long before an answer ends (a tenth of its life if that is shorter) ...
inline constexpr std::chrono::seconds kOcspRefreshAhead{60};
// ... and a responder that gave none is not asked again about the same certificate for so long.
inline constexpr std::chrono::seconds kOcspRetry{5};
// A session that should be used once (TLS 1.3) resumes for so long after its first use: a client that opens several
// connections at once has one, and with a HelloRetryRequest it is looked up twice.
inline constexpr std::chrono::seconds kSessionReuse{10};
// Handshake messages after the handshake (KeyUpdate, renegotiation attempts): so many, and one more for each 64 KiB of
// data.
inline constexpr std::uint64_t kFreePostHandshakeMessages = 32;
inline constexpr std::uint64_t kBytesPerPostHandshakeMessage = 64 << 10;

}  // namespace gateway::tls
