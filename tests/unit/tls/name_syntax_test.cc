#include "tls/name_syntax.h"

#include <doctest/doctest.h>

#include <string>

using namespace gateway::tls;

TEST_CASE("a dNSName has labels of letters, digits and inner hyphens") {
  for (const char* good : {"a", "a.example", "A1-b.Example", "*.example.com", "xn--mller-kva.example"}) {
    CAPTURE(good);
    CHECK(is_dns_name(good));
  }
  for (const char* bad :
       {"", ".", ".a", "a.", "a..b", "-a", "a-", "a_b", "a b", "*", "*.", "a.*.b", "*a.b", "**.a", "\xc3\xa4"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_dns_name(bad));
  }
  CHECK_FALSE(is_dns_name(std::string_view("a\0b", 3)));
  CHECK(is_dns_name(std::string(63, 'a')));
  CHECK_FALSE(is_dns_name(std::string(64, 'a')));
  std::string longest = std::string(63, 'a') + '.' + std::string(63, 'b') + '.' + std::string(63, 'c') + '.';
  CHECK(is_dns_name(longest + std::string(61, 'd')));
  CHECK_FALSE(is_dns_name(longest + std::string(62, 'd')));
}

TEST_CASE("an IP address is no dNSName, in any clothing; a number is one") {
  for (const char* address : {"10.1.2.3", "0.0.0.0", "255.255.255.255", "fd00::1", "::ffff:10.1.2.3", "[fd00::1]"}) {
    CAPTURE(address);
    CHECK_FALSE(is_dns_name(address));
  }
  for (const char* name : {"10.1.2", "10.1.2.3.example", "1000.1.2.3", "4711"}) {
    CAPTURE(name);
    CHECK(is_dns_name(name));
  }
}

TEST_CASE("a mailbox has one @ with something on both sides") {
  CHECK(is_mailbox("al@corp.example"));
  CHECK(is_mailbox("al+tag.x@corp"));
  for (const char* bad : {"", "@", "a@", "@b", "a@b@c", "a b@c", "a@*.b", "a@b..c", "a\n@b"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_mailbox(bad));
  }
}

TEST_CASE("a URI has a scheme and no space") {
  CHECK(is_absolute_uri("spiffe://corp/a"));
  CHECK(is_absolute_uri("urn:x"));
  for (const char* bad : {"", ":", "a:", ":a", "/path", "a/b:c", "1a:b", "a:b c", "a:\x7f", "a:\xc3\xa4"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_absolute_uri(bad));
  }
  CHECK_FALSE(is_absolute_uri(std::string_view("a:b\0c", 5)));
}
