#include "tls/der_reader.h"

#include <doctest/doctest.h>

#include <string>

using namespace gateway::tls;
using namespace std::string_literals;

TEST_CASE("values are read one after the other") {
  const std::string bytes = "\x02\x01\x05\x30\x00\x04\x02hi"s;
  DerReader reader(bytes);
  CHECK(reader.sees(kDerInteger));
  CHECK_FALSE(reader.take(kDerSequence));
  CHECK(reader.take(kDerInteger) == "\x05");
  CHECK(reader.take(kDerSequence) == "");
  const auto last = reader.next();
  REQUIRE(last);
  CHECK(last->tag == kDerOctetString);
  CHECK(last->content == "hi");
  CHECK(last->whole == "\x04\x02hi");
  CHECK(reader.at_end());
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.sees(0));
}

TEST_CASE("lengths are those that were written") {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U, 1U << 24U}) {
    const std::string content(size, 'x');
    const std::string whole = der_value(kDerOctetString, content);
    DerReader reader(whole);
    CHECK((reader.take(kDerOctetString) == content));
    CHECK(reader.at_end());
    DerReader cut(std::string_view(whole).substr(0, whole.size() - 1));
    CHECK_FALSE(cut.next());
  }
}

TEST_CASE("what is not DER is not read") {
  for (const std::string& bytes : {
           ""s, "\x30"s,
           "\x30\x80\x00\x00"s,                          // indefinite
           "\x30\x81\x01x"s,                             // longer than needed
           "\x30\x82\x00\x80"s + std::string(128, 'x'),  // a leading zero
           "\x30\x85\x00\x00\x00\x00\x01x"s,             // too many length bytes
           "\x30\x84\xff\xff\xff\xff"s,                  // beyond the end
           "\x30\x82\x01"s,                              // the length is cut
           "\x1f\x20\x01x"s,                             // a tag of several bytes
       }) {
    DerReader reader(bytes);
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.take(kDerSequence));
    CHECK(reader.at_end() == bytes.empty());
  }
}
