#include <doctest/doctest.h>

#include "config_folder.h"

namespace gateway::config {
namespace {

constexpr std::string_view kHttp = "listeners: [{bind: 127.0.0.1:8080, protocol: http}]\n";
constexpr std::string_view kHttps =
    "listeners: [{bind: 127.0.0.1:8443}]\ntrust: {t: {ca: pki/ca.pem, crl: pki/ca.crl}}\n";
constexpr std::string_view kPair = "certificate: pki/issued/server.pem, key: pki/issued/server.key";

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

std::string found(std::initializer_list<std::string_view> parts) {
  return ConfigFolder().findings(join(parts));
}

std::string host(std::string_view name, std::string_view mode, std::string_view more = "") {
  return join({"  - {hosts: [", name, ".example.com], name: ", name, ", tls: {", kPair, ", client_auth: ", mode,
               mode == "off" ? "" : ", trust: t", "}, routes: [{path: /*, respond: echo}]", more, "}\n"});
}

TEST_CASE("names that lead nowhere are errors with a suggestion, and unused ones are warnings") {
  CHECK(found({"listeners: [{bind: 127.0.0.1:8080, protocol: http, name: web}]\n",
               "virtual_hosts:\n"
               "  - hosts: [a]\n"
               "    listeners: [wbe]\n"
               "    policy: plicy\n"
               "    routes: [{path: /*, upstream: legcy}, {path: /a, upstream: elephant}]\n"
               "policies: {policy: {}}\n"
               "upstreams: {legacy: {endpoints: [127.0.0.1:1]}, other: {endpoints: [127.0.0.1:2]}}\n"}) ==
        "1:13: warning: no virtual host answers on listener 'web'\n"
        "4:17: error: unknown listener 'wbe'; did you mean 'web'?\n"
        "5:13: error: unknown policy 'plicy'; did you mean 'policy'?\n"
        "6:35: error: unknown upstream 'legcy'; did you mean 'legacy'?\n"
        "6:64: error: unknown upstream 'elephant'; known are legacy or other\n"
        "7:12: warning: policy 'policy' is not used\n"
        "8:13: warning: upstream 'legacy' is not used\n"
        "8:49: warning: upstream 'other' is not used\n");
}

TEST_CASE("an unknown trust set is an error") {
  CHECK(found({"listeners: [{bind: 127.0.0.1:8443}]\nvirtual_hosts:\n", host("a", "strict")}) ==
        "3:137: error: unknown trust set 't'; there is no trust set at all\n");
}

TEST_CASE("names are given once") {
  CHECK(found({"listeners: [{bind: 127.0.0.1:80, protocol: http}, {bind: 127.0.0.1:80, protocol: http, name: b}, "
               "{bind: 127.0.0.1:81, "
               "protocol: http, name: b}]\n",
               "virtual_hosts:\n"
               "  - {name: v, hosts: [a], routes: [{path: /*, respond: echo}]}\n"
               "  - {name: v, hosts: [b], routes: [{path: /*, respond: echo}]}\n"}) ==
        "1:58: error: '127.0.0.1:80' is bound already in line 1\n"
        "1:141: error: listener 'b' is there twice; first in line 1\n"
        "4:12: error: virtual host 'v' is there twice; first in line 3\n");
}

TEST_CASE("a host name has one owner on a listener, in whatever spelling") {
  CHECK(found({kHttp,
               "virtual_hosts:\n"
               "  - {name: v, hosts: [a.example, \"*.b\"], routes: [{path: /*, respond: echo}]}\n"
               "  - {name: w, hosts: [A.Example., \"*.B\"], routes: [{path: /*, respond: echo}]}\n"}) ==
        "4:23: error: host 'A.Example.' is taken on listener '127.0.0.1:8080' by virtual host 'v' in line 3\n"
        "4:35: error: host '*.B' is taken on listener '127.0.0.1:8080' by virtual host 'v' in line 3\n");
}

TEST_CASE("the same host name may belong to others on other listeners") {
  CHECK(found({"listeners: [{bind: 127.0.0.1:80, protocol: http, name: a}, {bind: 127.0.0.1:81, protocol: http, name: "
               "b}]\n",
               "virtual_hosts:\n"
               "  - {name: v, hosts: [x], listeners: [a], routes: [{path: /*, respond: echo}]}\n"
               "  - {name: w, hosts: [x], listeners: [b], routes: [{path: /*, respond: echo}]}\n"})
            .empty());
}

TEST_CASE("hosts are names, one-label wildcards or IP addresses") {
  const auto with_host = [](std::string_view name) {
    return found({kHttp, "virtual_hosts:\n  - {name: v, hosts: [", name, "], routes: [{path: /*, respond: echo}]}\n"});
  };
  for (const char* good : {"a", "A.example.com.", "\"*.example.com\"", "\"[::1]\"", "127.0.0.1", "x_y.local"})
    CHECK(with_host(good).empty());
  CHECK(with_host("a..b") == "3:23: error: expected a host name such as api.example.com, found 'a..b'\n");
  CHECK(with_host("\"*\"") ==
        "3:23: error: expected a host name; for every name there is 'default: true', found '*'\n");
  CHECK(with_host("a.*.b") ==
        "3:23: error: expected a '*' only as the whole first label, as in \"*.example.com\", found 'a.*.b'\n");
  CHECK(with_host("a.b:80") == "3:23: error: expected a host name without a port, found 'a.b:80'\n");
  CHECK(with_host("\"::1\"") == "3:23: error: expected an IPv6 address in brackets, as in \"[::1]\", found '::1'\n");
  CHECK(with_host("bücher.example") ==
        "3:23: error: expected the ASCII form of an international name (xn--...), found 'bücher.example'\n");
  CHECK(with_host("") == "3:5: error: a virtual host needs 'hosts' (or 'default: true')\n");
}

TEST_CASE("a virtual host with tls answers on https only, one without on http only") {
  CHECK(found({kHttps, "virtual_hosts:\n  - {name: v, hosts: [a], routes: [{path: /*, respond: echo}]}\n",
               host("b", "strict")}) ==
        "4:5: error: virtual host 'v' answers on no listener: without 'tls' it needs one with 'protocol: http'\n");
  CHECK(found({kHttp, "trust: {t: {ca: pki/ca.pem, crl: pki/ca.crl}}\nvirtual_hosts:\n",
               host("b", "strict", ", listeners: ['127.0.0.1:8080']"),
               "  - {name: v, hosts: [a], routes: [{path: /*, respond: echo}]}\n"}) ==
        "4:190: error: listener '127.0.0.1:8080' is http, and a virtual host with 'tls' answers on https listeners "
        "only\n");
}

TEST_CASE("strict and optional need a trust set") {
  for (const std::string mode : {"strict", "optional"}) {
    CHECK(found({"listeners: [{bind: 127.0.0.1:8443}]\nvirtual_hosts:\n  - {hosts: [example.com], tls: {", kPair,
                 ", client_auth: ", mode, "}, routes: [{path: /*, respond: echo}]}\n"}) ==
          "3:111: error: 'client_auth: " + mode + "' needs 'trust': a named set of client CAs\n");
  }
  CHECK(found({"listeners: [{bind: 127.0.0.1:8443}]\nvirtual_hosts:\n  - {hosts: [example.com], tls: {", kPair,
               "}, routes: [{path: /*, respond: echo}]}\n"}) ==
        "3:33: error: 'tls' needs 'trust' (client_auth is strict unless stated) or 'client_auth: off'\n");
}

TEST_CASE("a trust set at a host that is off is a warning") {
  CHECK(found({kHttps, "virtual_hosts:\n  - {hosts: [example.com], tls: {", kPair,
               ", client_auth: off, trust: t}, routes: [{path: /*, respond: echo}]}\n"}) ==
        "4:123: warning: a trust set has no effect with 'client_auth: off'\n");
}

TEST_CASE("a default host is at least as strict as the others on its listener, unless it says otherwise") {
  CHECK(found({kHttps, "virtual_hosts:\n", host("a", "optional", ", default: true"), host("b", "strict")}) ==
        "4:189: error: default host 'a' (optional) is laxer than 'b' (strict) on the same listener, and whoever names "
        "no or an "
        "unknown host gets it; make it as strict, or say 'allow_lax_default: true'\n");
  CHECK(found({kHttps, "virtual_hosts:\n", host("a", "off", ", default: true"), host("b", "optional")})
            .find("is laxer than") != std::string::npos);
  CHECK(found({kHttps, "virtual_hosts:\n", host("a", "strict", ", default: true"), host("b", "optional"),
               host("c", "off")})
            .empty());
  CHECK(found({kHttps, "virtual_hosts:\n", host("a", "off", ", default: true, allow_lax_default: true"),
               host("b", "strict")})
            .empty());
}

TEST_CASE("a laxer default on another listener is no matter") {
  CHECK(found({"listeners: [{bind: 127.0.0.1:1, name: one}, {bind: 127.0.0.1:2, name: two}]\ntrust: {t: {ca: "
               "pki/ca.pem, crl: pki/ca.crl}}\n"
               "virtual_hosts:\n",
               host("a", "off", ", default: true, listeners: [one]"), host("b", "strict", ", listeners: [two]")})
            .empty());
}

TEST_CASE("a listener has one default host") {
  CHECK(found({kHttps, "virtual_hosts:\n", host("a", "strict", ", default: true"),
               host("b", "strict", ", default: true")}) ==
        "5:187: error: listener '127.0.0.1:8443' has a default already: virtual host 'a' in line 4\n");
}

TEST_CASE("routes that no request can reach are errors") {
  const auto with_routes = [](std::string_view routes) {
    return found({kHttp, "virtual_hosts:\n  - hosts: [a]\n    routes:\n", routes});
  };
  CHECK(with_routes("      - {path: /a, respond: echo}\n      - {path: /a, respond: echo}\n") ==
        "6:16: error: this route is never reached: line 5 has the same path '/a'\n");
  CHECK(with_routes("      - {path: /a, respond: echo}\n      - {path: /a/*, respond: echo}\n      - {path: /a/, "
                    "respond: echo}\n")
            .empty());
  CHECK(with_routes("      - {path: a, respond: echo}\n") ==
        "5:16: error: expected a path that begins with '/', found 'a'\n");
  CHECK(with_routes("      - {path: \"*\", respond: echo}\n") ==
        "5:16: error: expected a path that begins with '/', found '*'\n");
  CHECK(with_routes("      - {path: /a*, respond: echo}\n") ==
        "5:16: error: expected '*' only at the end, behind a '/' (as in /v1/*), found '/a*'\n");
  CHECK(with_routes("      - {path: \"/a?b=c\", respond: echo}\n") ==
        "5:16: error: expected a path without query or fragment, found '/a?b=c'\n");
  CHECK(with_routes("      - {path: /a//b, respond: echo}\n") ==
        "5:16: error: no request can have the path '/a//b': it is normalised to '/a/b'\n");
  CHECK(with_routes("      - {path: /a/../b/*, respond: echo}\n") ==
        "5:16: error: no request can have the path '/a/../b/*': it is normalised to '/b'\n");
  CHECK(with_routes("      - {path: /%61, respond: echo}\n") ==
        "5:16: error: no request can have the path '/%61': it is normalised to '/a'\n");
  CHECK(with_routes("      - {path: /a%2Fb, respond: echo}\n") ==
        "5:16: error: no request can have the path '/a%2Fb' without 'encoded_slashes: keep'\n");
  CHECK(with_routes("      - {path: /a%2Fb, respond: echo, encoded_slashes: keep}\n").empty());
  CHECK(
      found({kHttp, "virtual_hosts:\n  - {hosts: [a], merge_slashes: false, routes: [{path: /a//b, respond: echo}]}\n"})
          .empty());
}

TEST_CASE("a field that the gateway writes by itself is not set as well") {
  CHECK(found({kHttp,
               "virtual_hosts:\n  - hosts: [a]\n    identity_headers: [client-cert]\n    routes:\n"
               "      - path: /*\n        respond: echo\n        headers:\n          set:\n"
               "            X_Forwarded_Proto: https\n            Client-Cert: x\n            Via: y\n"}) ==
        "10:13: error: 'X_Forwarded_Proto' is written by 'forwarding: x_forwarded' already; turn that off here or "
        "leave this out\n"
        "11:13: error: 'Client-Cert' is written by 'identity_headers: client-cert' already; turn that off here or "
        "leave this out\n");
  CHECK(found({kHttp,
               "virtual_hosts: [{hosts: [a], forwarding: {x_forwarded: no}, routes: [{path: /*, respond: echo, "
               "headers: {set: {X-Forwarded-Proto: https}}}]}]\n"})
            .empty());
}

TEST_CASE("redirects lead from http to https") {
  CHECK(found({"listeners: [{bind: 127.0.0.1:80, protocol: http, redirect_to_https: true}]\n",
               "virtual_hosts:\n  - {hosts: [a], routes: [{path: /*, respond: echo}]}\n"}) ==
        "1:69: error: there is no https listener to redirect to\n");
  CHECK(found({"listeners: [{bind: 127.0.0.1:80, redirect_to_https: true}]\ntrust: {t: {ca: pki/ca.pem, crl: "
               "pki/ca.crl}}\n",
               "virtual_hosts:\n", host("a", "strict")}) ==
        "1:53: error: 'redirect_to_https' is for listeners with 'protocol: http'\n");
}

TEST_CASE("a policy on certificates at a host that asks for none is a warning") {
  CHECK(
      found({kHttp,
             "policies: {p: {rules: [{name: r, effect: allow, when: {cn: a}}]}}\n"
             "virtual_hosts:\n  - {hosts: [a], policy: p, routes: [{path: /*, respond: echo}]}\n"}) ==
      "4:26: warning: policy 'p' looks at client certificates, but 'a' asks for none: those rules never match there\n");
}

TEST_CASE("what is wrong with a pattern is reported at the pattern") {
  const std::string out = found({kHttps,
                                 "policies:\n  p:\n    rules:\n      - name: r\n        effect: allow\n        when:\n"
                                 "          source_ip: [10.0.0.0/8, 10.0.0.1/8]\n          cn: \"~(\"\n"
                                 "virtual_hosts:\n",
                                 host("a", "strict", ", policy: p")});
  CAPTURE(out);
  CHECK(out.starts_with("9:35: error: "));
  CHECK(out.find("\n10:15: error: ") != std::string::npos);
}

}  // namespace
}  // namespace gateway::config
