#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/result.h"

namespace gateway::tls {

// The keys that seal session tickets (RFC 5077, RFC 8446 section 4.6.1): one that seals, older ones that still open.
// Immutable; shared by all workers, so that a client may return to any of them.
class TicketKeys {
 public:
  // Fresh random keys. Null (as from rotate) if the system gives no randomness.
  static std::shared_ptr<const TicketKeys> generate();
  // A new sealing key; the sealing keys of `previous` go on opening for one more rotation.
  static std::shared_ptr<const TicketKeys> rotate(const TicketKeys& previous);
  // The content of key files, the sealing key first: each as check_ticket_key() takes it, each with a name of its own.
  // Null if one isn't, or if there is none: whoever read the files has said so.
  static std::shared_ptr<const TicketKeys> from_files(std::span<const std::string_view> contents);

  virtual ~TicketKeys() = default;
  // Whether the same keys seal and open, in the same order.
  [[nodiscard]] virtual bool same_as(const TicketKeys& other) const = 0;
};

// A key file has 80 random bytes, in the order of nginx's ssl_session_ticket_key: name (16), MAC key (32), cipher key
// (32). Whoever has it can make a ticket in the name of any client.
inline constexpr std::size_t kTicketKeyFileBytes = 80;
inline constexpr std::size_t kTicketKeyNameBytes = 16;
// Whether `content` is one. Error: what is wrong with it, without any of it.
core::Result<bool> check_ticket_key(std::string_view content);

}  // namespace gateway::tls
