#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/host_table.h"
#include "core/reason.h"
#include "core/result.h"
#include "tls/judge.h"
#include "tls/worker_contexts.h"

namespace gateway::tls {

// What became of a handshake: for the log, the metrics and the connection. Complete once handshake() said anything
// but pending.
struct HandshakeReport {
  core::Reason reason = core::Reason::none;
  std::string detail;                 // for the log only; escaped there
  std::optional<std::uint32_t> host;  // the virtual host that was chosen, if it got that far
  std::optional<ProtocolVersion> version;
  std::string cipher;  // OpenSSL's standard (IANA) name
  bool resumed = false;
  std::string sni;  // as the client sent it (bounded), "" if none
  // What the client offered: for the line of a failed handshake.
  std::string offered_versions;   // "TLSv1.3,TLSv1.2"
  std::string offered_alpn;       // "h2,http/1.1"
  std::string presented_subject;  // RFC 4514 subject of the leaf that was presented, verified or not
  std::string presented_issuer;
};

enum class HandshakeStatus : std::uint8_t {
  pending,
  established,
  refused,
  // The client is refused as above, for report().reason, but by OnRefusal::http the handshake was let through so that
  // it can be told why. Nothing is trusted: no peer(), no ticket, and whatever it asks for has that refusal for an
  // answer.
  barred,
};

enum class ReadStatus : std::uint8_t {
  data,        // `bytes` were written to the caller's buffer; ask again if there is `more`
  want_input,  // nothing more until more ciphertext comes
  closed,      // the peer's close_notify
  failed,      // the connection is beyond use; last_error() says why
};
struct ReadResult {
  ReadStatus status = ReadStatus::want_input;
  std::size_t bytes = 0;
  bool more = false;  // with data: the loan is not used up, or the record did not fit
};

// One server-side TLS connection without any I/O: ciphertext in, ciphertext out, plaintext both ways. Single-threaded.
// Flow: lend() what was received, drive handshake() or read() until they want input, reclaim(); then send
// take_output().
class TlsSession {
 public:
  // `contexts`, `hosts` must stay alive while the handshake lasts; the session keeps `contexts` itself.
  // `listener_has_tls_hosts` is implied by `hosts`. SNI and host choice follow core::HostTable; see
  // docs/architecture.md "Which host".
  static core::Result<std::unique_ptr<TlsSession>> create(std::shared_ptr<const WorkerContexts> contexts,
                                                          std::shared_ptr<const core::HostTable> hosts);
  virtual ~TlsSession() = default;

  // `ciphertext` stays valid until reclaim(). Only one loan at a time.
  virtual void lend(std::string_view ciphertext) = 0;
  // Ends the loan: what OpenSSL has not taken is copied and given first next time.
  virtual void reclaim() = 0;
  // Ciphertext that was received but not yet taken by OpenSSL (bytes); reading from the socket stops while there is
  // any.
  [[nodiscard]] virtual std::size_t unread_input() const = 0;

  virtual HandshakeStatus handshake() = 0;
  [[nodiscard]] virtual const HandshakeReport& report() const = 0;
  // The caller gives up (timeout, EOF, drain): fills report().reason unless it is set already.
  virtual void abandon(core::Reason reason) = 0;

  // After established or barred only. `plaintext` is filled up to its size (at most one record a call).
  virtual ReadResult read(std::span<char> plaintext) = 0;
  // Encrypts all of `plaintext` into the output; false if the session is beyond use.
  virtual bool write(std::string_view plaintext) = 0;
  // Queues close_notify (once).
  virtual void shutdown() = 0;
  [[nodiscard]] virtual const core::Error& last_error() const = 0;

  // Ciphertext to be sent; the caller moves it out or sends from it and clears it.
  virtual std::string& output() = 0;

  // Null for an anonymous client. Valid once established.
  [[nodiscard]] virtual std::shared_ptr<const VerifiedPeer> peer() const = 0;
  [[nodiscard]] virtual std::uint32_t host_index() const = 0;
};

}  // namespace gateway::tls
