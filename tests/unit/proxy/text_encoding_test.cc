#include "proxy/text_encoding.h"

#include <doctest/doctest.h>

namespace gateway::proxy {
namespace {

template <typename Append, typename... Arguments>
std::string made(Append append, Arguments... arguments) {
  std::string out;
  append(arguments..., out);
  return out;
}

}  // namespace

TEST_CASE("base64 pads as RFC 4648 says") {
  CHECK(made(append_base64, "") == "");
  CHECK(made(append_base64, "f") == "Zg==");
  CHECK(made(append_base64, "fo") == "Zm8=");
  CHECK(made(append_base64, "foo") == "Zm9v");
  CHECK(made(append_base64, "\xff\xfe\xfd") == "//79");
}

TEST_CASE("a certificate is escaped as nginx does it") {
  const std::string pem = made(append_escaped_pem, std::string(49, '\xff'));
  CHECK(pem.starts_with("-----BEGIN%20CERTIFICATE-----%0A%2F%2F"));
  CHECK(pem.ends_with("%2Fw%3D%3D%0A-----END%20CERTIFICATE-----%0A"));
}

TEST_CASE("two names never look the same in a header") {
  CHECK(made(append_escaped_name, "batch worker") == "batch worker");
  CHECK(made(append_escaped_name, " admin ") == "%20admin%20");
  CHECK(made(append_escaped_name, "caf\xc3\xa9") == "caf%C3%A9");
  CHECK(made(append_escaped_name, "caf%C3%A9") == "caf%25C3%25A9");
  CHECK(made(append_escaped_name, "a\r\nX: b") == "a%0D%0AX: b");
  CHECK(made(append_escaped_uri, "spiffe://a/b%20c d\n") == "spiffe://a/b%20c%20d%0A");
  CHECK(made(append_escaped_dn, "CN=a\\,b\xc3\xa9\r") == "CN=a\\,b\\C3\\A9\\0D");
}

TEST_CASE("times are written in UTC") {
  const std::chrono::sys_seconds time{std::chrono::seconds(784'111'777)};
  CHECK(made(append_http_date, time) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(made(append_timestamp, time) == "1994-11-06T08:49:37Z");
  CHECK(made(append_timestamp_micros, std::chrono::system_clock::time_point(time) + std::chrono::microseconds(42)) ==
        "1994-11-06T08:49:37.000042Z");
}

}  // namespace gateway::proxy
