#include "tls/token_uri.h"

#include <doctest/doctest.h>

#include <string>

using namespace gateway::tls;

namespace {

std::string search_of(std::string_view uri) {
  const auto parsed = parse_token_uri(uri);
  return parsed ? parsed->search : "error: " + parsed.error().detail;
}

}  // namespace

TEST_CASE("a key is a token's by its scheme, in any case") {
  CHECK(is_token_uri("pkcs11:object=a"));
  CHECK(is_token_uri("PKCS11:object=a"));
  CHECK_FALSE(is_token_uri("pkcs11"));
  CHECK_FALSE(is_token_uri("./pkcs11:a.key"));
  CHECK_FALSE(is_token_uri(""));
}

TEST_CASE("only private keys are looked for, by what the URI says of them") {
  CHECK(search_of("pkcs11:token=gw;object=a") == "pkcs11:token=gw;object=a;type=private");
  CHECK(search_of("pkcs11:token=gw;object=a;type=private") == "pkcs11:token=gw;object=a;type=private");
  CHECK(search_of("pkcs11:id=%01%aF;") == "pkcs11:id=%01%aF;type=private");
  CHECK(search_of("pkcs11:type=public;object=a") == "error: a key's URI names something else: 'type' is 'private'");
}

TEST_CASE("a PIN is taken out of the URI, decoded, and never shown") {
  const auto parsed = parse_token_uri("pkcs11:object=a?pin-value=12%2634");
  REQUIRE(parsed.has_value());
  CHECK(parsed->pin.view() == "12&34");
  CHECK(parsed->search == "pkcs11:object=a;type=private");
  CHECK(parsed->shown == "pkcs11:object=a");
  CHECK(parse_token_uri("pkcs11:object=a")->pin.empty());
  CHECK(shown_token_uri("pkcs11:object=a?pin-value=1234") == "pkcs11:object=a");
  for (const char* broken : {"pkcs11:objct=a?pin-value=1234", "pkcs11:object=a?pin-value=1234&x=y",
                             "pkcs11:object=a?pin=1234", "pkcs11:object=a?pin-value=1234%"}) {
    CAPTURE(broken);
    CHECK(search_of(broken).starts_with("error"));
    CHECK(search_of(broken).find("1234") == std::string::npos);
  }
}

TEST_CASE("what would be ignored, or is said elsewhere, is an error") {
  CHECK(search_of("pkcs11:objct=a") == "error: a key's URI has the unknown attribute 'objct'");
  CHECK(search_of("pkcs11:token=gw") == "error: a key's URI names no key: it needs 'object' or 'id'");
  CHECK(search_of("pkcs11:") == "error: a key's URI names no key: it needs 'object' or 'id'");
  CHECK(search_of("pkcs11:object=a?pin-source=file:/pin").find("passphrase: {file: PATH}") != std::string::npos);
  CHECK(search_of("pkcs11:object=a?module-path=/m.so").find("pkcs11: {module: PATH}") != std::string::npos);
  CHECK(search_of("pkcs11:object=a b") == "error: a key's URI has spaces, control bytes or a broken %XX");
  CHECK(search_of("pkcs11:object=a%2") == "error: a key's URI has spaces, control bytes or a broken %XX");
  CHECK(search_of("pkcs11:object=a%zz") == "error: a key's URI has spaces, control bytes or a broken %XX");
  CHECK(search_of("file:a") == "error: a key's URI begins with 'pkcs11:'");
}
