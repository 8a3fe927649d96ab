#include "policy/pattern.h"

#include <doctest/doctest.h>

#include "policy/matcher.h"

namespace gateway::policy {
namespace {

std::string error_of(Matcher matcher, std::string_view written) {
  const auto pattern = parse_pattern(matcher, written);
  return pattern ? "" : pattern.error();
}

bool refused_for(Matcher matcher, std::string_view written, std::string_view why) {
  const std::string error = error_of(matcher, written);
  INFO(written, " -> ", error);
  const bool as_expected = error.starts_with(to_string(matcher)) && error.find(why) != std::string::npos;
  CHECK(as_expected);
  return as_expected;
}

TEST_CASE("matchers have the names of the config") {
  CHECK(to_string(Matcher::cn) == "cn");
  CHECK(to_string(Matcher::authenticated) == "authenticated");
  CHECK(to_string(Matcher::source_ip) == "source_ip");
}

TEST_CASE("a star that is no wildcard is refused and the message says where one is") {
  for (const Matcher matcher : {Matcher::cn, Matcher::ou, Matcher::o, Matcher::issuer_cn, Matcher::method}) {
    refused_for(matcher, "*", "only dns_san, host, email_san, uri_san and path");
    refused_for(matcher, "batch-*", "'~' starts a regular expression");
  }
}

TEST_CASE("a DNS wildcard is the whole leftmost label or it is refused") {
  for (const Matcher matcher : {Matcher::dns_san, Matcher::host}) {
    for (const auto* written : {"*", "a*.example", "a.*.example", "*.*.example", "*example", "**.example"}) {
      refused_for(matcher, written, "leftmost label");
    }
    for (const auto* written : {"*.", "a..b", "a b",
                                "b\xc3\xbc"
                                "cher.example",
                                "example.com:443", "*.[::1]"}) {
      refused_for(matcher, written, "host name");
    }
  }
  refused_for(Matcher::dns_san, "10.0.0.1", "use ip_san");
  refused_for(Matcher::dns_san, "[::1]", "use ip_san");
}

TEST_CASE("an e-mail wildcard is the whole mailbox or it is refused") {
  for (const auto* written : {"a*@partner.example", "*@*.example", "**@partner.example", "a@*"}) {
    refused_for(Matcher::email_san, written, "whole mailbox");
  }
  for (const auto* written : {"partner.example", "@partner.example", "*"}) {
    refused_for(Matcher::email_san, written, "no address");
  }
  refused_for(Matcher::email_san, "a@", "domain");
}

TEST_CASE("a URI wildcard stands at the end and behind the host or it is refused") {
  for (const auto* written : {"spiffe://*/x", "spiffe://corp/*/x", "*://x", "spiffe://corp/**"}) {
    refused_for(Matcher::uri_san, written, "end of a URI");
  }
  refused_for(Matcher::uri_san, "https://partner.example*", "other hosts");
  refused_for(Matcher::uri_san, "*", "no absolute URI");
  refused_for(Matcher::uri_san, "corp.example/batch", "no absolute URI");
  refused_for(Matcher::uri_san, "spiffe://corp/a b", "percent-encoded");
}

TEST_CASE("a path that no normalised path equals is refused") {
  refused_for(Matcher::path, "v1", "begins with '/'");
  refused_for(Matcher::path, "*", "begins with '/'");
  for (const auto* written : {"/v1*", "/v1/*/x", "/*/x", "/v1/**", "/v1/x*"}) {
    refused_for(Matcher::path, written, "last segment");
  }
  for (const auto* written : {"/a?b=c", "/a#b", "/a b", "/a\\b", "/caf\xc3\xa9", "/{id}", "/a|b", "/a\"b"}) {
    refused_for(Matcher::path, written, "path alone");
  }
  for (const auto* written : {"/../a", "/a/.", "/a/./b", "/a/..", "/a/../*", "/./*"}) {
    refused_for(Matcher::path, written, "segments");
  }
  for (const auto* written : {"/%", "/%4", "/%zz", "/%41", "/%7euser", "/%2e%2e/x", "/%00", "/%5c"}) {
    refused_for(Matcher::path, written, "escape");
  }
}

TEST_CASE("methods, addresses, serials, fingerprints and flags are checked") {
  refused_for(Matcher::method, "get", "capitals");
  refused_for(Matcher::method, "GET POST", "no method");
  for (const auto* written : {"10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0", "example.com", "fe80::1%eth0"}) {
    refused_for(Matcher::ip_san, written, "no address or network");
    refused_for(Matcher::source_ip, written, "no address or network");
  }
  for (const auto* written : {"0x0a", "0a:", ":0a", "0a::1b", "0:a1", "xyz", "-1"}) {
    refused_for(Matcher::serial, written, "hex");
  }
  refused_for(Matcher::fingerprint, std::string(64, 'a'), "begins with neither");
  refused_for(Matcher::fingerprint, "SHA256:" + std::string(64, 'a'), "begins with neither");
  refused_for(Matcher::fingerprint, "sha256:" + std::string(62, 'a'), "64 hex digits");
  refused_for(Matcher::fingerprint, "sha256:" + std::string(63, 'a') + "g", "64 hex digits");
  refused_for(Matcher::fingerprint, "sha256:", "64 hex digits");
  refused_for(Matcher::authenticated, "yes", "neither true nor false");
}

TEST_CASE("a bad expression is refused with RE2's words") {
  refused_for(Matcher::cn, "~(", "missing )");
  refused_for(Matcher::cn, "~[z-a]", "bad regular expression");
  refused_for(Matcher::cn, "~(\\pL{1,900}){1,1}", "bad regular expression");
  refused_for(Matcher::cn, "~", "no expression");
  refused_for(Matcher::path, "~/caf\xc3\xa9", "ASCII");
  for (const Matcher matcher :
       {Matcher::ip_san, Matcher::source_ip, Matcher::serial, Matcher::fingerprint, Matcher::authenticated}) {
    refused_for(matcher, "~.*", "no regular expression");
  }
}

TEST_CASE("no matcher takes an empty pattern, one with control bytes or an endless one") {
  for (std::size_t i = 0; i < kMatcherCount; ++i) {
    const auto matcher = static_cast<Matcher>(i);
    refused_for(matcher, "", "empty");
    refused_for(matcher, "a\nb", "control byte");
    refused_for(matcher, "~a\x7f", "control byte");
    refused_for(matcher, std::string(kMaxPatternBytes + 1, 'a'), "longer than");
  }
  CHECK(error_of(Matcher::cn, std::string_view("a\0b", 3)).find('\0') == std::string::npos);
}

TEST_CASE("what is read is canonical") {
  CHECK(parse_pattern(Matcher::dns_san, "*.Partner.Example.")->text == "partner.example");
  CHECK(parse_pattern(Matcher::email_san, "Ops@Partner.Example")->text == "Ops@partner.example");
  CHECK(parse_pattern(Matcher::serial, "00:0a:1b")->text == "A1B");
  CHECK(parse_pattern(Matcher::serial, "00")->text == "0");
  CHECK(parse_pattern(Matcher::path, "/*")->text.empty());
  CHECK(parse_pattern(Matcher::path, "/v1/*")->text == "/v1");
  CHECK(parse_pattern(Matcher::uri_san, "spiffe://*")->form == Form::prefix);
}

}  // namespace
}  // namespace gateway::policy
