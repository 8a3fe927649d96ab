#include "pki/alt_names.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace gateway::pki;

namespace {

std::string text_of(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

// "TYPE:value" of each name.
std::vector<std::string> names_of(GENERAL_NAMES* names) {
  std::vector<std::string> found;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
    const char* word = type == GEN_DNS ? "dns:" : type == GEN_URI ? "uri:" : type == GEN_EMAIL ? "email:" : "ip:";
    found.push_back(word + text_of(static_cast<const ASN1_STRING*>(value)));
  }
  return found;
}

}  // namespace

TEST_CASE("alternative names of every kind are built with their own type") {
  const auto names = build_alt_names({.dns = {"API.example.com", "*.Example.com", "localhost"},
                                      .uris = {"spiffe://corp.example/batch/1,DNS:evil.example"},
                                      .emails = {"Ops@example.com"},
                                      .ips = {"192.0.2.1", "2001:db8::1"}});
  REQUIRE(names);
  using namespace std::string_literals;
  CHECK(names_of(names->get()) ==
        std::vector<std::string>{"dns:api.example.com", "dns:*.example.com", "dns:localhost",
                                 // A comma adds no second name: nothing is parsed as OpenSSL's configuration.
                                 "uri:spiffe://corp.example/batch/1,DNS:evil.example", "email:Ops@example.com",
                                 "ip:\xC0\x00\x02\x01"s,
                                 "ip:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"s});
}

TEST_CASE("names that nothing would match are refused and quoted") {
  for (const char* dns :
       {"", "a,b", "a b", "192.0.2.1", "*", "*.", "a.*.example", "**.example.com", "a:8443", "[::1]"}) {
    CAPTURE(dns);
    CHECK_FALSE(build_alt_names({.dns = {dns}, .uris = {}, .emails = {}, .ips = {}}));
  }
  for (const char* uri : {"", "no-scheme", "://x", "1a:x", "spiffe:", "spiffe://a b", "spiffe://\xC3\xA9", "a\n:b"}) {
    CAPTURE(uri);
    CHECK_FALSE(build_alt_names({.dns = {}, .uris = {uri}, .emails = {}, .ips = {}}));
  }
  for (const char* email : {"", "ops", "@example.com", "ops@", "o ps@example.com", "ops@192.0.2.1"}) {
    CAPTURE(email);
    CHECK_FALSE(build_alt_names({.dns = {}, .uris = {}, .emails = {email}, .ips = {}}));
  }
  for (const char* ip : {"", "192.0.2", "192.0.2.1/24", "[::1]", "localhost"}) {
    CAPTURE(ip);
    CHECK_FALSE(build_alt_names({.dns = {}, .uris = {}, .emails = {}, .ips = {ip}}));
  }
  const auto refused = build_alt_names({.dns = {"a,b"}, .uris = {}, .emails = {}, .ips = {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("'a,b'") != std::string::npos);
}

TEST_CASE("a common name becomes an alternative name only if it is a host") {
  CHECK(alt_names_from("api.example.com").dns == std::vector<std::string>{"api.example.com"});
  CHECK(alt_names_from("*.example.com").dns == std::vector<std::string>{"*.example.com"});
  CHECK(alt_names_from("192.0.2.1").ips == std::vector<std::string>{"192.0.2.1"});
  CHECK(alt_names_from("Payments team").empty());
}
