#include "proxy/text_encoding.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace gateway::proxy {
namespace {

constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

bool is_printable(unsigned char c) {
  return c >= 0x20 && c <= 0x7e;
}

void append_percent(unsigned char c, std::string& out) {
  out += '%';
  out += kUpperHex[c >> 4];
  out += kUpperHex[c & 15];
}

void append_padded(unsigned number, std::size_t digits, std::string& out) {
  std::array<char, 10> text{};
  for (std::size_t i = digits; i > 0; --i, number /= 10) text[i - 1] = static_cast<char>('0' + number % 10);
  out.append(text.data(), digits);
}

struct CivilTime {
  unsigned year, month, day, hour, minute, second, weekday;
};

CivilTime civil(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return {.year = static_cast<unsigned>(static_cast<int>(date.year())),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = static_cast<unsigned>(clock.hours().count()),
          .minute = static_cast<unsigned>(clock.minutes().count()),
          .second = static_cast<unsigned>(clock.seconds().count()),
          .weekday = std::chrono::weekday(day).c_encoding()};
}

void append_clock(const CivilTime& time, std::string& out) {
  append_padded(time.hour, 2, out);
  out += ':';
  append_padded(time.minute, 2, out);
  out += ':';
  append_padded(time.second, 2, out);
}

void append_date_time(const CivilTime& time, std::string& out) {
  append_padded(time.year, 4, out);
  out += '-';
  append_padded(time.month, 2, out);
  out += '-';
  append_padded(time.day, 2, out);
  out += 'T';
  append_clock(time, out);
}

// Calls `emit` with each character of the base64 form (RFC 4648 section 4).
template <typename Emit>
void for_each_base64(std::string_view bytes, Emit emit) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    emit(kAlphabet[group >> 18]);
    emit(kAlphabet[group >> 12 & 63]);
    emit(i + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=');
    emit(i + 2 < bytes.size() ? kAlphabet[group & 63] : '=');
  }
}

void write_http_date(std::chrono::sys_seconds time, std::string& out) {
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const CivilTime now = civil(time);
  out += kDays[now.weekday];
  out += ", ";
  append_padded(now.day, 2, out);
  out += ' ';
  out += kMonths[now.month - 1];
  out += ' ';
  append_padded(now.year, 4, out);
  out += ' ';
  append_clock(now, out);
  out += " GMT";
}

}  // namespace

void append_number(std::uint64_t number, std::string& out) {
  std::array<char, 20> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
}

void append_hex(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kLowerHex[byte >> 4];
    out += kLowerHex[byte & 15];
  }
}

void append_base64(std::string_view bytes, std::string& out) {
  for_each_base64(bytes, [&](char c) { out += c; });
}

void append_escaped_pem(std::string_view der, std::string& out) {
  constexpr std::size_t kLineChars = 64;  // RFC 7468
  out += "-----BEGIN%20CERTIFICATE-----%0A";
  std::size_t column = 0;
  for_each_base64(der, [&](char c) {
    if (column == kLineChars) {
      out += "%0A";
      column = 0;
    }
    ++column;
    if (c == '+' || c == '/' || c == '=') {
      append_percent(static_cast<unsigned char>(c), out);
    } else {
      out += c;
    }
  });
  out += "%0A-----END%20CERTIFICATE-----%0A";
}

void append_escaped_name(std::string_view name, std::string& out) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const bool outer_space = byte == ' ' && (i == 0 || i + 1 == name.size());
    if (is_printable(byte) && byte != '%' && !outer_space) {
      out += name[i];
    } else {
      append_percent(byte, out);
    }
  }
}

void append_escaped_uri(std::string_view uri, std::string& out) {
  for (const char c : uri) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_printable(byte) && byte != ' ') {
      out += c;
    } else {
      append_percent(byte, out);
    }
  }
}

void append_escaped_dn(std::string_view dn, std::string& out) {
  for (const char c : dn) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_printable(byte)) {
      out += c;
      continue;
    }
    out += '\\';
    out += kUpperHex[byte >> 4];
    out += kUpperHex[byte & 15];
  }
}

void append_timestamp(std::chrono::sys_seconds time, std::string& out) {
  append_date_time(civil(time), out);
  out += 'Z';
}

void append_timestamp_micros(std::chrono::system_clock::time_point time, std::string& out) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  append_date_time(civil(seconds), out);
  out += '.';
  append_padded(static_cast<unsigned>(std::chrono::floor<std::chrono::microseconds>(time - seconds).count()), 6, out);
  out += 'Z';
}

void append_http_date(std::chrono::sys_seconds time, std::string& out) {
  struct Last {
    std::chrono::sys_seconds time{std::chrono::seconds(-1)};
    std::string text;
  };
  // Thousands of responses have the same second.
  static thread_local Last last;
  if (last.time != time) {
    last.text.clear();
    write_http_date(time, last.text);
    last.time = time;
  }
  out += last.text;
}

}  // namespace gateway::proxy
