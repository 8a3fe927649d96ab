#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gateway::tls {

// The revoked serials of a CRL: filled once, then read by any thread. About 30 bytes each, so that a CRL of a million
// entries costs 30 MB and not the 200 that OpenSSL's objects take.
class SerialSet {
 public:
  static constexpr std::size_t kMaxSerialBytes = 255;

  // Room for so many serials of so many bytes together; what comes beyond the number is not taken.
  explicit SerialSet(std::size_t count = 0, std::size_t bytes = 0);

  // False if `serial` is longer than kMaxSerialBytes or the set is full (by number, or 2^32 bytes).
  bool insert(std::string_view serial);
  [[nodiscard]] bool contains(std::string_view serial) const;
  [[nodiscard]] std::size_t size() const { return count_; }
  // What the set holds in memory.
  [[nodiscard]] std::size_t memory_bytes() const { return slots_.size() * sizeof slots_[0] + bytes_.capacity(); }

 private:
  // Index of the slot that holds `serial` or of the empty one where it belongs.
  [[nodiscard]] std::size_t slot_of(std::string_view serial) const;
  [[nodiscard]] std::string_view at(std::uint32_t place) const;

  std::vector<std::uint32_t> slots_;  // open addressing; 1 + offset into bytes_, 0: empty
  std::string bytes_;                 // length byte and serial, one after the other
  std::size_t count_ = 0;
};

}  // namespace gateway::tls
