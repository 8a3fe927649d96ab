#include "tls/serial_set.h"

#include <bit>
#include <functional>
#include <limits>

namespace gateway::tls {

SerialSet::SerialSet(std::size_t count, std::size_t bytes) : slots_(std::bit_ceil(count * 2 + 2)) {
  bytes_.reserve(count + bytes);
}

std::string_view SerialSet::at(std::uint32_t place) const {
  const std::size_t offset = place - 1;
  return std::string_view(bytes_).substr(offset + 1, static_cast<unsigned char>(bytes_[offset]));
}

std::size_t SerialSet::slot_of(std::string_view serial) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(serial)&mask;
  while (slots_[slot] != 0 && at(slots_[slot]) != serial) slot = (slot + 1) & mask;
  return slot;
}

bool SerialSet::insert(std::string_view serial) {
  if (serial.size() > kMaxSerialBytes) return false;
  const std::size_t slot = slot_of(serial);
  if (slots_[slot] != 0) return true;
  // An empty slot must remain, or looking up what isn't there would not end.
  if (count_ + 2 > slots_.size()) return false;
  if (bytes_.size() + serial.size() + 2 > std::numeric_limits<std::uint32_t>::max()) return false;
  slots_[slot] = static_cast<std::uint32_t>(bytes_.size() + 1);
  bytes_ += static_cast<char>(serial.size());
  bytes_ += serial;
  ++count_;
  return true;
}

bool SerialSet::contains(std::string_view serial) const {
  return slots_[slot_of(serial)] != 0;
}

}  // namespace gateway::tls
