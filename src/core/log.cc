#include "core/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>

namespace gateway::core {
namespace {

constexpr std::array<std::string_view, 3> kLevels = {"info", "warning", "error"};

// Length of the UTF-8 sequence at the start of `text` (RFC 3629: no overlong forms, no surrogates), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80U; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

// "DEVICE:INODE" of the stream, which a shell that redirects stderr leaves as it was.
bool stderr_is_journal() noexcept {
  const char* const set = std::getenv("JOURNAL_STREAM");
  struct stat info{};
  if (set == nullptr || ::fstat(STDERR_FILENO, &info) != 0) return false;
  std::array<char, 48> own{};
  std::snprintf(own.data(), own.size(), "%ju:%ju", static_cast<std::uintmax_t>(info.st_dev),
                static_cast<std::uintmax_t>(info.st_ino));
  return std::string_view(set) == own.data();
}

void append_ascii(std::string& out, char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto value = static_cast<unsigned char>(byte);
  if (value >= 0x20 && value != 0x7F) {
    out += byte;
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[value >> 4U];
  out += kHex[value & 0x0FU];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 1) {
      append_ascii(out, text.front());
    } else if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 1) {
      const auto byte = static_cast<unsigned char>(text.front());
      line += byte < 0x20 || byte == 0x7F ? ' ' : text.front();
    } else if (length == 0) {
      line += "\xEF\xBF\xBD";
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return line;
}

std::string format_time(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
  const std::time_t value = std::chrono::system_clock::to_time_t(seconds);
  std::tm utc{};
  ::gmtime_r(&value, &utc);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(micros));
  return std::string(text.data(), length) + fraction.data();
}

std::string format_event(std::chrono::system_clock::time_point now, LogLevel level, std::string_view message,
                         std::initializer_list<LogField> fields) {
  std::string line = R"({"time":")" + format_time(now) + R"(","level":")";
  line += kLevels[static_cast<std::size_t>(level)];
  line += R"(","message":)";
  append_json_string(line, message);
  for (const auto& field : fields) {
    line += ',';
    append_json_string(line, field.key);
    line += ':';
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_json_string(line, *text);
    } else {
      line += std::to_string(std::get<std::int64_t>(field.value));
    }
  }
  line += "}\n";
  return line;
}

std::string_view journal_prefix(LogLevel level) noexcept {
  constexpr std::array<std::string_view, 3> kPriorities = {"<6>", "<4>", "<3>"};
  static const bool journal = stderr_is_journal();
  return journal ? kPriorities[static_cast<std::size_t>(level)] : std::string_view{};
}

void log_event(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) noexcept {
  try {
    const std::string line =
        std::string(journal_prefix(level)) + format_event(std::chrono::system_clock::now(), level, message, fields);
    while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
    }
  } catch (const std::exception&) {
    // Out of memory: the event is lost, the daemon goes on.
  }
}

}  // namespace gateway::core
