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
  explicit SerialSet(std::size_t expected_count = 0);

  // False if `serial` is longer than 255 bytes or the set is full (2^32 bytes).
  bool insert(std::string_view serial);
  [[nodiscard]] bool contains(std::string_view serial) const;
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  // Index of the slot that holds `serial` or of the empty one where it belongs.
  [[nodiscard]] std::size_t slot_of(std::string_view serial) const;
  [[nodiscard]] std::string_view at(std::uint32_t place) const;

  std::vector<std::uint32_t> slots_;  // open addressing; 1 + offset into bytes_, 0: empty
  std::string bytes_;                 // length byte and serial, one after the other
  std::size_t count_ = 0;
};

}  // namespace gateway::tls
