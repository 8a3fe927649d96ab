#include "core/ip_address.h"

#include <doctest/doctest.h>

using gateway::core::Cidr;
using gateway::core::IpAddress;

TEST_CASE("an IPv4-mapped IPv6 address is the IPv4 address") {
  CHECK(IpAddress::parse("::ffff:10.1.2.3") == IpAddress::parse("10.1.2.3"));
  CHECK(IpAddress::parse("::ffff:10.1.2.3")->to_string() == "10.1.2.3");
}

TEST_CASE("addresses print in their canonical form") {
  CHECK(IpAddress::parse("2001:DB8:0:0::1")->to_string() == "2001:db8::1");
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "[::1]", "1.2.3.4/8", "fe80::1%eth0"}) {
    CAPTURE(text);
    CHECK_FALSE(IpAddress::parse(text).has_value());
  }
}

TEST_CASE("a network contains what shares its prefix") {
  const auto network = Cidr::parse("10.16.0.0/12");
  REQUIRE(network.has_value());
  CHECK(network->contains(*IpAddress::parse("10.31.255.255")));
  CHECK_FALSE(network->contains(*IpAddress::parse("10.32.0.0")));
  CHECK_FALSE(network->contains(*IpAddress::parse("::1")));
  CHECK(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
  CHECK(Cidr::parse("192.0.2.1")->contains(*IpAddress::parse("192.0.2.1")));
  CHECK_FALSE(Cidr::parse("192.0.2.1")->contains(*IpAddress::parse("192.0.2.2")));
  CHECK(Cidr::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:7fff::1")));
  CHECK_FALSE(Cidr::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:8000::1")));
}

TEST_CASE("a network with host bits or a bad length is refused") {
  for (const char* text :
       {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "2001:db8::1/32", "/8"}) {
    CAPTURE(text);
    CHECK_FALSE(Cidr::parse(text).has_value());
  }
}
