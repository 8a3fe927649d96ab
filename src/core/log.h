#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace gateway::core {

enum class LogLevel : std::uint8_t { info, warning, error };

// One key and value of an event. Views live as long as the call.
struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t> value;
};

// Writes one event of the control plane to stderr: {"time":…,"level":…,"message":…,FIELDS}, behind journal_prefix(),
// one line, one write(2), so that lines of several threads never mix. Any thread. May block for as long as stderr does,
// so never on a worker's path. A stderr that is closed or full loses the line and nothing else.
void log_event(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) noexcept;

// "<3>" and so on if stderr is the stream that systemd gave to the journal ($JOURNAL_STREAM), which takes it for the
// priority of the line; "" anywhere else.
std::string_view journal_prefix(LogLevel level) noexcept;

// The same line, newline included, for `now`.
std::string format_event(std::chrono::system_clock::time_point now, LogLevel level, std::string_view message,
                         std::initializer_list<LogField> fields);

// Appends `text` as a JSON string with its quotes. Whatever the bytes are, the result is valid JSON on one line:
// control bytes are escaped and bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// One line of UTF-8 for a person: control bytes become spaces, bytes that are no UTF-8 become U+FFFD.
std::string one_line(std::string_view text);

// RFC 3339 in UTC with microseconds: "2024-05-01T12:00:00.000000Z".
std::string format_time(std::chrono::system_clock::time_point time);

}  // namespace gateway::core
