#include "tls/client_hello.h"

#include <fmt/format.h>

#include "tls/limits.h"

namespace gateway::tls {
namespace {

constexpr std::size_t kMaxServerNameBytes = 255;
constexpr unsigned kHostNameType = 0;

// Takes big-endian numbers and length-prefixed vectors off the front of what is left.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::size_t> number(std::size_t width) {
    if (rest_.size() < width) return std::nullopt;
    std::size_t value = 0;
    for (const char c : rest_.substr(0, width)) value = value << 8 | static_cast<unsigned char>(c);
    rest_.remove_prefix(width);
    return value;
  }
  std::optional<std::string_view> vector(std::size_t length_width) {
    const auto length = number(length_width);
    if (!length || rest_.size() < *length) return std::nullopt;
    const std::string_view bytes = rest_.substr(0, *length);
    rest_.remove_prefix(*length);
    return bytes;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool is_grease(std::size_t version) {
  return (version & 0x0f0fU) == 0x0a0aU && version >> 8 == (version & 0xffU);
}

}  // namespace

std::optional<std::string_view> parse_server_name(std::string_view extension) {
  Reader outer(extension);
  const auto list = outer.vector(2);
  if (!list || !outer.empty()) return std::nullopt;
  Reader entries(*list);
  if (entries.number(1) != kHostNameType) return std::nullopt;
  const auto name = entries.vector(2);
  // Several entries are what two implementations read two ways (RFC 6066 allows one of a type, and there is one type).
  if (!name || !entries.empty() || name->empty() || name->size() > kMaxServerNameBytes) return std::nullopt;
  return name;
}

std::optional<std::vector<std::string_view>> parse_protocol_names(std::string_view extension) {
  Reader outer(extension);
  const auto list = outer.vector(2);
  if (!list || !outer.empty() || list->empty()) return std::nullopt;
  std::vector<std::string_view> names;
  for (Reader entries(*list); !entries.empty();) {
    const auto name = entries.vector(1);
    if (!name || name->empty()) return std::nullopt;
    names.push_back(*name);
  }
  return names;
}

std::string describe_version(unsigned version) {
  switch (version) {
    case 0x0304:
      return "TLSv1.3";
    case 0x0303:
      return "TLSv1.2";
    case 0x0302:
      return "TLSv1.1";
    case 0x0301:
      return "TLSv1.0";
    case 0x0300:
      return "SSLv3";
    default:
      return fmt::format("0x{:04x}", version);
  }
}

std::string describe_supported_versions(std::string_view extension) {
  std::string text;
  Reader outer(extension);
  const auto list = outer.vector(1);
  if (!list) return text;
  Reader versions(*list);
  for (std::size_t count = 0; count < kMaxReportedOffers;) {
    const auto version = versions.number(2);
    if (!version) break;
    if (is_grease(*version)) continue;
    if (count++ != 0) text += ',';
    text += describe_version(static_cast<unsigned>(*version));
  }
  return text;
}

}  // namespace gateway::tls
