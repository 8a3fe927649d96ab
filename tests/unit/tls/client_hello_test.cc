#include "tls/client_hello.h"

#include <doctest/doctest.h>

using namespace gateway::tls;

namespace {

// A string of bytes with NULs in it.
template <std::size_t N>
std::string bytes(const char (&text)[N]) {
  return {text, N - 1};
}

}  // namespace

TEST_CASE("a server_name extension holds exactly one host name") {
  CHECK(parse_server_name(bytes("\0\x06\0\0\x03"
                                "abc")) == "abc");
  CHECK(parse_server_name(bytes("\0\x04\0\0\x01\0")) == std::string_view("\0", 1));
  for (const std::string& bad :
       {bytes(""), bytes("\0"), bytes("\0\0"), bytes("\0\x03\0\0\0"), bytes("\0\x04\x01\0\x01z"),
        bytes("\0\x04\0\0\x01zz"), bytes("\0\x05\0\0\x01zz"), bytes("\0\x03\0\0\x01z"), bytes("\0\x04\0\0\x02z"),
        bytes("\0\x08\0\0\x01z\0\0\x01z"), bytes("\0\x07\0\0\x01z\x01\0\0"), bytes("\xff\xff\0\0\x01z")}) {
    CAPTURE(bad.size());
    CHECK_FALSE(parse_server_name(bad));
  }
  const auto of_size = [](std::size_t size) {
    const auto number = [](std::size_t n) {
      return std::string{static_cast<char>(n >> 8), static_cast<char>(n & 0xff)};
    };
    return number(size + 3) + '\0' + number(size) + std::string(size, 'a');
  };
  CHECK(parse_server_name(of_size(255)));
  CHECK_FALSE(parse_server_name(of_size(256)));
}

TEST_CASE("a list of protocol names has no room for doubt") {
  using Names = std::vector<std::string_view>;
  CHECK(parse_protocol_names(bytes("\0\x03\x02h2")) == Names{"h2"});
  CHECK(parse_protocol_names(bytes("\0\x05\x02h2\x01x")) == Names{"h2", "x"});
  for (const std::string& bad : {bytes(""), bytes("\0\0"), bytes("\0\x01\0"), bytes("\0\x03\x03h2"),
                                 bytes("\0\x03\x02h2x"), bytes("\0\x04\x02h2\x01"), bytes("\0\x02\x02h2")}) {
    CHECK_FALSE(parse_protocol_names(bad));
  }
}

TEST_CASE("offered versions are told by name, without GREASE and bounded") {
  CHECK(describe_supported_versions(bytes("\x04\x03\x04\x03\x03")) == "TLSv1.3,TLSv1.2");
  CHECK(describe_supported_versions(bytes("\x06\x7a\x7a\x03\x04\x7f\x1c")) == "TLSv1.3,0x7f1c");
  CHECK(describe_supported_versions(bytes("\x06\x03\x02\x03\x01\x03\0")) == "TLSv1.1,TLSv1.0,SSLv3");
  CHECK(describe_supported_versions("").empty());
  CHECK(describe_supported_versions(bytes("\x05\x03\x04")).empty());
  CHECK(describe_supported_versions(bytes("\x03\x03\x04\x03")) == "TLSv1.3");
  const std::string many = std::string(1, '\xc8') + std::string(200, '\x05');
  CHECK(describe_supported_versions(many).size() == 16 * 7 - 1);
}
