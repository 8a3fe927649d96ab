#include "config/quote.h"

#include <fmt/format.h>

namespace gateway::config {
namespace {
constexpr std::size_t kShownBytes = 240;  // a file's path should be there to its end
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02X}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  std::size_t end = text.size();
  if (end > kShownBytes) {
    end = kShownBytes;
    // Not in the middle of a UTF-8 sequence.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  }
  return fmt::format("'{}{}'", escaped(text.substr(0, end)), end < text.size() ? "..." : "");
}

}  // namespace gateway::config
