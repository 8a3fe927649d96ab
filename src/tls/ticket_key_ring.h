#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "tls/ticket_keys.h"

namespace gateway::tls {

// One key of tickets: its public name and the two secrets, wiped when it goes.
struct TicketKey {
  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();

  std::array<unsigned char, kTicketKeyNameBytes> name{};
  std::array<unsigned char, 32> cipher{};  // AES-256-CBC
  std::array<unsigned char, 32> mac{};     // HMAC-SHA-256
};

class TicketKeyRing final : public TicketKeys {
 public:
  // `keys` is never empty; the first one seals.
  explicit TicketKeyRing(std::vector<TicketKey> keys) : keys_(std::move(keys)) {}

  [[nodiscard]] bool same_as(const TicketKeys& other) const override;
  [[nodiscard]] const TicketKey& sealing() const { return keys_.front(); }
  [[nodiscard]] const std::vector<TicketKey>& keys() const { return keys_; }
  // Null if no key has this name.
  [[nodiscard]] const TicketKey* find(const unsigned char* name) const;

 private:
  std::vector<TicketKey> keys_;
};

}  // namespace gateway::tls
