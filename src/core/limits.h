#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every bound and every default deadline of the gateway, with its unit. What an operator can set says so.
namespace gateway::core {

using Milliseconds = std::chrono::milliseconds;

// `timeouts:` of the config; a virtual host or a route may set its own.
struct Timeouts {
  Milliseconds handshake{10'000};
  Milliseconds request_headers{10'000};
  Milliseconds body_idle{30'000};
  Milliseconds keep_alive{60'000};
  Milliseconds upstream_connect{2'000};
  Milliseconds upstream_response{60'000};
  Milliseconds drain{30'000};
  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// `limits:` of the config.
struct Limits {
  std::uint64_t connections = 20'000;  // clients, all workers together; capped further by the descriptor limit
  std::uint64_t request_line_bytes = 8ULL << 10;
  std::uint64_t headers_bytes = 32ULL << 10;  // all field lines of a head, and of a trailer section
  std::uint64_t header_count = 100;
  std::uint64_t body_bytes = 1ULL << 30;
  friend bool operator==(const Limits&, const Limits&) = default;
};

// Not configurable.
inline constexpr std::size_t kReadScratchBytes = 256 << 10;  // one per worker
inline constexpr std::size_t kEarlyFlushBytes = 64 << 10;    // output that does not wait for the end of the loop's turn
// Room for that and what one read brings on top, with the overhead of TLS records.
inline constexpr std::size_t kPooledBufferBytes = kEarlyFlushBytes + kReadScratchBytes + (8 << 10);
inline constexpr std::size_t kSpareBufferBytes = 2 << 20;   // in buffers for output that nobody uses, per worker
inline constexpr std::size_t kOutputHighWater = 256 << 10;  // bytes waiting for a slow peer before its source is paused
inline constexpr std::size_t kOutputLowWater = 64 << 10;    // and when the source goes on
inline constexpr std::size_t kKernelUnsentBytes = 512 << 10;      // of one client, in the socket's send buffer
inline constexpr std::size_t kPipelineBytes = 64 << 10;           // plaintext kept of requests that wait for their turn
inline constexpr std::uint64_t kResponseHeadersBytes = 64 << 10;  // head or trailers of an upstream's response
inline constexpr std::uint64_t kResponseHeaderCount = 200;
inline constexpr unsigned kInterimResponses = 16;             // 1xx before a final response
inline constexpr std::size_t kChunkExtensionBytes = 4 << 10;  // of one message, all chunks together
inline constexpr std::size_t kMethodBytes = 32;
inline constexpr Milliseconds kLingerTime{2'000};  // reading on after an early final response, so that it arrives
inline constexpr Milliseconds kAnnouncedIdleTime{
    1'000};  // an idle client keeps its connection so long once a drain is announced
inline constexpr std::uint64_t kLingerBytes = 16ULL << 20;
inline constexpr Milliseconds kUpstreamIdleTime{60'000};  // an idle pooled connection is closed after this
inline constexpr Milliseconds kEndpointPause{
    5'000};                                    // an endpoint that refused a connection is tried last for this long
inline constexpr Milliseconds kTick{50};       // resolution of all connection deadlines
inline constexpr Milliseconds kJudgeSlice{1};  // live connections are judged again in slices of this
inline constexpr std::chrono::hours kSessionLifetime{12};         // default; absolute, from the full handshake
inline constexpr std::chrono::hours kMaxSessionLifetime{7 * 24};  // RFC 8446 section 4.6.1
inline constexpr std::size_t kSessionCapacity = 20'000;           // default; kept in the process, all workers together
inline constexpr std::size_t kMaxSessionCapacity = 10'000'000;
inline constexpr std::chrono::minutes kClockSkew{1};  // between replicas that share ticket keys
inline constexpr std::chrono::hours kTicketKeyLifetime{6};
inline constexpr std::size_t kMaxClientChainBytes = 64 << 10;
inline constexpr std::size_t kMaxHandshakeBytes = 256 << 10;
inline constexpr std::size_t kLogBacklogBytes = 16
                                                << 20;  // lines that wait for the writer; more are dropped and counted
inline constexpr std::size_t kMaxConfigBytes = 16 << 20;
inline constexpr std::size_t kMaxPolicyPatternBytes = 1024;
inline constexpr Milliseconds kResolveInterval{30'000};    // host names of endpoints are resolved again
inline constexpr std::uint64_t kReservedDescriptors = 64;  // files, listeners, admin, log

}  // namespace gateway::core
