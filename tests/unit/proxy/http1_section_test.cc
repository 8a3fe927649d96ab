#include "proxy/http1_section.h"

#include <doctest/doctest.h>

namespace gateway::proxy {
namespace {

// What the reader itself says, without llhttp behind it: "" if it takes the section.
std::string refusal(std::string_view bytes) {
  std::string first_verdict;
  for (const std::size_t step : {bytes.size(), std::size_t{1}}) {
    SectionReader reader;
    reader.reset({.start_line_bytes = 100, .fields_bytes = 200, .field_count = 5}, true);
    ParseStatus status = ParseStatus::need_more;
    for (std::size_t position = 0; position < bytes.size() && status == ParseStatus::need_more; position += step) {
      std::size_t consumed = 0;
      status = reader.read(bytes.substr(position, step), consumed);
    }
    const std::string verdict = status == ParseStatus::failed ? reader.error().detail : "";
    if (step == bytes.size()) first_verdict = verdict;
    CHECK(verdict == first_verdict);
  }
  return first_verdict;
}

}  // namespace

TEST_CASE("the section reader refuses by itself what llhttp may let through") {
  struct Case {
    std::string_view bytes;
    std::string_view detail;
  };
  using namespace std::string_view_literals;
  for (const Case& c : std::initializer_list<Case>{
           {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
           {"GET / HTTP/1.1\n", "line ends in a bare LF"},
           {"GET / HTTP/1.1\r\nHost: a\n", "line ends in a bare LF"},
           {"GET / HTTP/1.1\r\nHost: a\r\n\n", "line ends in a bare LF"},
           {"GET / HTTP/1.1\r\n X: a\r\n\r\n", "folded line"},
           {"GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n", "folded line"},
           {"GET / HTTP/1.1\r\nX : a\r\n\r\n", "bad field name"},
           {"GET / HTTP/1.1\r\nX\t: a\r\n\r\n", "bad field name"},
           {"GET / HTTP/1.1\r\n: a\r\n\r\n", "bad field name"},
           {"GET / HTTP/1.1\r\nX\r\n\r\n", "bad field name"},
           {"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", "control byte in a field value"},
           {"GET / HTTP/1.1\r\nX: a\r\r\n\r\n", "control byte in a field value"},
           {"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"sv, "control byte in a field value"},
           {"GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n", "control byte in a field value"},
           {"GET /\0 HTTP/1.1\r\n"sv, "control byte in the start line"},
           {"\r\n\r\nGET", "empty start line"},
           {"\rGET", "bare CR before the start line"},
       }) {
    CAPTURE(c.bytes);
    CHECK(refusal(c.bytes) == c.detail);
  }
}

TEST_CASE("whitespace behind a value is gone from the section") {
  SectionReader reader;
  reader.reset({.start_line_bytes = 100, .fields_bytes = 200, .field_count = 5}, true);
  std::size_t consumed = 0;
  const std::string_view bytes = "GET / HTTP/1.1\r\nX: a \t\r\nY:\t \r\n\r\nrest";
  CHECK(reader.read(bytes, consumed) == ParseStatus::head_complete);
  CHECK(consumed == bytes.size() - 4);
  CHECK(reader.section() == "GET / HTTP/1.1\r\nX: a\r\nY:\r\n\r\n");
  CHECK(reader.start_line() == "GET / HTTP/1.1");
  CHECK(reader.field_count() == 2);
}

}  // namespace gateway::proxy
