#include "core/http_url.h"

#include <doctest/doctest.h>

using gateway::core::HttpUrl;

TEST_CASE("an http URL is host, port and target") {
  struct Case {
    const char* text;
    const char* host;
    std::uint16_t port;
    const char* target;
  };
  for (const auto& [text, host, port, target] :
       {Case{"http://crl.example/ca.crl", "crl.example", 80, "/ca.crl"},
        Case{"HTTP://CRL.Example:8080", "crl.example", 8080, "/"},
        Case{"http://crl.example?a=b", "crl.example", 80, "/?a=b"},
        Case{"http://crl.example:/x", "crl.example", 80, "/x"},
        Case{"http://192.0.2.1:1/%20/a;b=(c)?d/e?f", "192.0.2.1", 1, "/%20/a;b=(c)?d/e?f"},
        Case{"http://[2001:DB8::0:1]:65535/", "[2001:db8::1]", 65535, "/"},
        Case{"http://[2001:db8::1]/", "[2001:db8::1]", 80, "/"}}) {
    CAPTURE(text);
    const auto url = HttpUrl::parse(text);
    REQUIRE(url);
    CHECK(url->host == host);
    CHECK(url->port == port);
    CHECK(url->target == target);
    CHECK(HttpUrl::parse(url->text()) == url);
  }
}

TEST_CASE("what is no clean http URL is refused") {
  for (const char* const text : {"",
                                 "crl.example/ca.crl",
                                 "https://crl.example/",
                                 "http:/crl.example/",
                                 "http://",
                                 "http:///x",
                                 "http://:80/",
                                 "http://user@crl.example/",
                                 "http://crl.example:0/",
                                 "http://crl.example:65536/",
                                 "http://crl.example:8o/",
                                 "http://crl example/",
                                 "http://crl.example/a b",
                                 "http://crl.example/\r\nX: y",
                                 "http://crl.example/#top",
                                 "http://crl.example/%4",
                                 "http://crl.example/%zz",
                                 "http://crl.example/\"",
                                 "http://crl.example/\xC3\xA4",
                                 "http://[::1/",
                                 "http://[::1]x/",
                                 "http://::1/",
                                 "http://[::1]@x/",
                                 "http://crl..example/"}) {
    CAPTURE(text);
    CHECK(!HttpUrl::parse(text));
  }
  CHECK(!HttpUrl::parse("http://crl.example/" + std::string(HttpUrl::kMaxBytes, 'a')));
  CHECK(HttpUrl::is_meant("Http://"));
  CHECK(!HttpUrl::is_meant("http:/x"));
  CHECK(!HttpUrl::is_meant("https://x/"));
}

TEST_CASE("a reference is resolved against where it was found") {
  const auto base = HttpUrl::parse("http://crl.example:81/a/b?c").value();
  for (const auto& [reference, resolved] :
       {std::pair{"http://other.example/x", "http://other.example/x"},
        std::pair{"//other.example:82", "http://other.example:82/"}, std::pair{"/x?y#z", "http://crl.example:81/x?y"},
        std::pair{"x", "http://crl.example:81/a/x"}, std::pair{"?x", "http://crl.example:81/a/b?x"},
        std::pair{"#z", "http://crl.example:81/a/b?c"}, std::pair{"x:y", ""}, std::pair{"https://crl.example/", ""},
        std::pair{"ldap://x/", ""}, std::pair{"/x y", ""}}) {
    CAPTURE(reference);
    const auto url = base.resolve(reference);
    CHECK((url ? url->text() : "") == resolved);
  }
}
