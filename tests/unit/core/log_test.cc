#include "core/log.h"

#include <doctest/doctest.h>

#include <string>

using namespace gateway::core;

namespace {
std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
}  // namespace

TEST_CASE("an event is one line of JSON with time, level, message and its fields") {
  const std::chrono::system_clock::time_point time{std::chrono::microseconds(1'700'000'000'000'042)};
  CHECK(format_event(time, LogLevel::warning, "a \"b\"\n", {{"path", "x\ty"}, {"count", -3}}) ==
        "{\"time\":\"2023-11-14T22:13:20.000042Z\",\"level\":\"warning\",\"message\":\"a "
        "\\\"b\\\"\\n\",\"path\":\"x\\ty\","
        "\"count\":-3}\n");
}

TEST_CASE("whatever the bytes are, the string is valid JSON on one line") {
  CHECK(quoted(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\\u007f\"");
  CHECK(quoted("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  for (const char* broken : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    CAPTURE(broken);
    const std::string text = quoted(broken);
    CHECK(text.find("\xEF\xBF\xBD") == 1);
    CHECK(text.find(broken) == std::string::npos);
  }
}

TEST_CASE("text for a person is one line of valid UTF-8") {
  CHECK(one_line(std::string_view("a\r\n\0\x7f \xc3\xa4 \xed\xa0\x80", 12)) ==
        "a    \x20\xc3\xa4 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}
