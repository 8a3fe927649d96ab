#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gateway::tls {

// Identifier octets (X.690 section 8.1.2).
inline constexpr unsigned char kDerBoolean = 0x01;
inline constexpr unsigned char kDerInteger = 0x02;
inline constexpr unsigned char kDerOctetString = 0x04;
inline constexpr unsigned char kDerOid = 0x06;
inline constexpr unsigned char kDerUtcTime = 0x17;
inline constexpr unsigned char kDerGeneralizedTime = 0x18;
inline constexpr unsigned char kDerSequence = 0x30;

// Walks values that stand one after the other, without making an object of any: for lists of which a file has a
// million. DER only (X.690 section 10.1: definite lengths in their shortest form) and tags of one byte. Views point
// into the bytes given.
class DerReader {
 public:
  struct Value {
    unsigned char tag = 0;
    std::string_view content;
    std::string_view whole;  // tag, length and content
  };

  explicit DerReader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  // Whether a value with this tag comes next.
  [[nodiscard]] bool sees(unsigned char tag) const;
  // The next value. nullopt, without a step, at the end and for what is not DER.
  std::optional<Value> next();
  // The content of the next value; nullopt, without a step, if it has another tag.
  std::optional<std::string_view> take(unsigned char tag);

 private:
  std::string_view rest_;
};

// The tag and length that stand before a content of `size` bytes.
std::string der_header(unsigned char tag, std::size_t size);
// `content` with tag and length in front.
std::string der_value(unsigned char tag, std::string_view content);

}  // namespace gateway::tls
