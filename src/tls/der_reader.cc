#include "tls/der_reader.h"

#include <cstddef>

namespace gateway::tls {
namespace {

constexpr unsigned char kHighTag = 0x1f;     // the tag's number follows in more bytes
constexpr std::size_t kMostLengthBytes = 4;  // 4 GiB

std::size_t byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

}  // namespace

bool DerReader::sees(unsigned char tag) const {
  return !rest_.empty() && byte_at(rest_, 0) == tag;
}

std::optional<DerReader::Value> DerReader::next() {
  if (rest_.size() < 2 || (byte_at(rest_, 0) & kHighTag) == kHighTag) return std::nullopt;
  std::size_t header = 2;
  std::size_t length = byte_at(rest_, 1);
  if (length >= 0x80) {
    const std::size_t count = length & 0x7f;  // 0 is BER's indefinite length
    if (count == 0 || count > kMostLengthBytes || rest_.size() < 2 + count) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | byte_at(rest_, 2 + i);
    const bool is_shortest = length >= 0x80 && byte_at(rest_, 2) != 0;
    if (!is_shortest) return std::nullopt;
    header += count;
  }
  if (length > rest_.size() - header) return std::nullopt;
  const Value value{static_cast<unsigned char>(rest_[0]), rest_.substr(header, length),
                    rest_.substr(0, header + length)};
  rest_.remove_prefix(header + length);
  return value;
}

std::optional<std::string_view> DerReader::take(unsigned char tag) {
  if (!sees(tag)) return std::nullopt;
  const auto value = next();
  return value ? std::optional(value->content) : std::nullopt;
}

std::string der_header(unsigned char tag, std::size_t size) {
  std::string length;
  for (std::size_t rest = size; rest != 0; rest >>= 8) length.insert(length.begin(), static_cast<char>(rest));
  std::string out(1, static_cast<char>(tag));
  if (size < 0x80) return out += static_cast<char>(size);
  out += static_cast<char>(0x80 | length.size());
  return out += length;
}

std::string der_value(unsigned char tag, std::string_view content) {
  return der_header(tag, content.size()).append(content);
}

}  // namespace gateway::tls
