#include "config/quote.h"

#include <fmt/format.h>

namespace gateway::config {
namespace {
constexpr std::size_t kShownBytes = 240;  // a file's path should be there to its end
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      // U+0080 to U+009F steer terminals, too.
      out += fmt::format("\\xC2\\x{:02X}", static_cast<unsigned char>(text[++i]));
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
