#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

namespace gateway::tls {

// The keys that seal session tickets (RFC 5077, RFC 8446 section 4.6.1): one that seals, older ones that still open.
// Immutable; shared by all workers, so that a client may return to any of them.
class TicketKeys {
 public:
  // Fresh random keys. Null (as from rotate) if the system gives no randomness.
  static std::shared_ptr<const TicketKeys> generate();
  // A new sealing key; the sealing keys of `previous` go on opening for one more rotation.
  static std::shared_ptr<const TicketKeys> rotate(const TicketKeys& previous);
  virtual ~TicketKeys() = default;
};

}  // namespace gateway::tls
