#include "tls/first_bytes.h"

#include <doctest/doctest.h>

#include <string>

using namespace gateway::tls;

TEST_CASE("a TLS handshake record is known by two bytes") {
  CHECK(classify_first_bytes("") == FirstBytes::undecided);
  CHECK(classify_first_bytes("\x16") == FirstBytes::undecided);
  CHECK(classify_first_bytes("\x16\x03") == FirstBytes::tls);
  CHECK(classify_first_bytes("\x16\x03\x01\x02") == FirstBytes::tls);
  CHECK(classify_first_bytes("\x16\x02") == FirstBytes::garbage);
}

TEST_CASE("a request in clear text is known by its method") {
  for (const char* request : {"GET / HTTP/1.1", "POST /", "DELETE ", "PRI * HTTP/2.0", "PROPFIND /", "M-SEARCH * "}) {
    CAPTURE(request);
    const std::string_view text(request);
    const auto space = text.find(' ');
    for (std::size_t i = 0; i <= space; ++i) CHECK(classify_first_bytes(text.substr(0, i)) == FirstBytes::undecided);
    CHECK(classify_first_bytes(text.substr(0, space + 1)) == FirstBytes::plain_http);
    CHECK(classify_first_bytes(text) == FirstBytes::plain_http);
  }
}

TEST_CASE("anything else is garbage") {
  for (const char* text : {"get /", "AB ", " GET", "\r\n", "SSH-2.0", "\x15\x03\x01", "\x80\x2e\x01\x03\x01"}) {
    CAPTURE(text);
    CHECK(classify_first_bytes(text) == FirstBytes::garbage);
  }
  CHECK(classify_first_bytes(std::string(kFirstBytesNeeded - 1, 'A')) == FirstBytes::undecided);
  CHECK(classify_first_bytes(std::string(kFirstBytesNeeded, 'A')) == FirstBytes::garbage);
}
