#include "tls/dn_text.h"

#include <doctest/doctest.h>

using gateway::tls::canonical_dn;

TEST_CASE("a name has one form however it is written") {
  const auto form = canonical_dn("CN=Test Client Root,O=Gateway Test");
  REQUIRE(form);
  for (const char* const same : {"CN=Test Client Root, O=Gateway Test", "O = Gateway Test, CN = Test Client Root",
                                 "O=Gateway Test, CN=Test Client Root", "cn=test client root,o=gateway test",
                                 "  CN = Test  Client Root ,O=Gateway Test ", "CN=\"Test Client Root\",O=Gateway Test",
                                 R"(CN=Test\20Client\ Root,O=Gateway Test)"}) {
    CAPTURE(same);
    CHECK(canonical_dn(same) == form);
  }
}

TEST_CASE("other names have other forms") {
  const auto form = canonical_dn("CN=a,O=b");
  for (const char* const other : {"CN=a", "CN=a,O=c", "CN=a,OU=b", "O=a,CN=b", "CN=a,O=b,O=b", "CN=a+O=b", "CN=a\\,O=b",
                                  "CN=\"a,O=b\"", "CN=,O=b"}) {
    CAPTURE(other);
    REQUIRE(canonical_dn(other));
    CHECK(canonical_dn(other) != form);
  }
  CHECK(canonical_dn("CN=a,O=b,OU=c") != canonical_dn("O=b,CN=a,OU=c"));
}

TEST_CASE("escapes, quotes and several attributes in one part are read") {
  CHECK(canonical_dn("CN=M\\C3\\BCller") == canonical_dn("CN=M\xC3\xBCller"));
  CHECK(canonical_dn("CN=a\\,b") == canonical_dn("CN=\"a,b\""));
  CHECK(canonical_dn("CN=a\\+b") == canonical_dn("CN=a\\2Bb"));
  CHECK(canonical_dn("CN=a=b") == canonical_dn("CN=a\\=b"));
  CHECK(canonical_dn("CN=a+UID=1,O=b") == canonical_dn("O=b,UID=1+CN=a"));
}

TEST_CASE("what is no name has no form") {
  for (const char* const text : {"", "alice", "CN=a,", ",CN=a", "CN=a,b", "=a", "CN=a\\", "CN=\"a", "CN=a++O=b"}) {
    CAPTURE(text);
    CHECK_FALSE(canonical_dn(text));
  }
}
