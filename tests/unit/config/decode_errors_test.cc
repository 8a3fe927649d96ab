#include <doctest/doctest.h>

#include "config_folder.h"

namespace gateway::config {
namespace {

// A config of one section: the other two that must be there are good.
std::string with(std::string_view section) {
  return "listeners: [{bind: 127.0.0.1:80, protocol: http}]\nvirtual_hosts: [{hosts: [a], routes: [{path: /*, respond: "
         "echo}]}]\n" +
         std::string(section) + "\n";
}
std::string found(std::string_view section) {
  return decode_findings(with(section));
}
// In a listener, a virtual host or a route: `part` begins at column 5 of line 3, 4 or 5.
std::string in_listener(std::string_view part) {
  return decode_findings("virtual_hosts: [{hosts: [a], routes: [{path: /*, respond: echo}]}]\nlisteners:\n  - " +
                         std::string(part) + "\n");
}
std::string in_host(std::string_view part) {
  return decode_findings("listeners: [{bind: 127.0.0.1:80}]\nvirtual_hosts:\n  - " + std::string(part) +
                         "\n    hosts: [a]\n    routes: [{path: /*, respond: echo}]\n");
}
std::string in_route(std::string_view part) {
  return decode_findings(
      "listeners: [{bind: 127.0.0.1:80}]\nvirtual_hosts:\n  - hosts: [a]\n    routes:\n      - path: /*\n        " +
      std::string(part) + "\n");
}

TEST_CASE("a config without errors has no findings") {
  CHECK(found("workers: auto").empty());
  CHECK(in_listener("bind: 0.0.0.0:1").empty());
  CHECK(in_route("respond: echo").empty());
}

TEST_CASE("an unknown key is an error that suggests the nearest known one") {
  CHECK(found("listners: []") == "3:1: error: unknown key 'listners' in the config; did you mean 'listeners'?\n");
  CHECK(found("admin: {sokcet: x}") == "3:9: error: unknown key 'sokcet' in 'admin'; did you mean 'socket'?\n");
  CHECK(found("access_log: {elephant: x}") ==
        "3:14: error: unknown key 'elephant' in 'access_log'; known are path or format\n");
  CHECK(in_host("tls: {certificate: a, key: b, client_aut: off}") ==
        "3:35: error: unknown key 'client_aut' in 'tls'; did you mean 'client_auth'?\n");
  CHECK(found("limits: {body:1}") == "3:10: error: a space must stand behind the ':' in 'body:1'\n");
}

TEST_CASE("what is planned but not there is refused as such, never ignored") {
  CHECK(in_listener("{bind: 127.0.0.1:80, http2: true}") ==
        "3:33: error: 'http2: true': not in this version; leave it out or write false\n");
  CHECK(in_listener("{bind: 127.0.0.1:80, http2: false}").empty());
  CHECK(in_listener("{bind: 127.0.0.1:80, protocol: tcp}") ==
        "3:36: error: 'protocol: tcp': not in this version; https and http are\n");
  CHECK(found("session: {cache: 1MiB}") == "3:11: error: 'cache' in 'session': not in this version\n");
  CHECK(in_host("tls: {certificate: a, key: b, session: {rotate: 1h}}").find("not in this version") !=
        std::string::npos);
  CHECK(in_host("tls: {certificate: a, key: b, curves: modern}") ==
        "3:35: error: 'curves' in 'tls': not in this version\n");
  CHECK(found("trust: {a: {ca: x, ocsp: {}, watch: true, revocation: {url: x}}}") ==
        "3:20: error: unknown key 'ocsp' in a trust set; known are ca, crl, depth, revocation, send_ca_names, "
        "strict_profile, anchors or extended_key_usage\n"
        "3:30: error: 'watch' in a trust set: not in this version\n"
        "3:56: error: 'url' in 'revocation': not in this version\n");
  CHECK(found("upstreams: {u: {endpoints: [a:1], tls: {}}}") ==
        "3:35: error: 'tls' in an upstream: not in this version\n");
  CHECK(in_route("{mirror: u, respond: echo}").find("not in this version") == std::string::npos);
  CHECK(in_route("mirror: u\n        respond: echo") == "6:9: error: 'mirror' in a route: not in this version\n");
  CHECK(
      in_host("tls: {certificate: [a, b], key: c}") ==
      "3:24: error: expected one certificate, found a list; several certificates for one host stand in 'certificates' "
      "('- {certificate: a.pem, key: a.key}')\n");
}

TEST_CASE("a wrong kind of value says what was expected and what is there") {
  CHECK(found("workers: [1]") == "3:10: error: expected auto or a number from 1 to 256, found a list\n");
  CHECK(found("workers: 0") == "3:10: error: expected auto or a number from 1 to 256, found '0'\n");
  CHECK(found("workers: 257") == "3:10: error: expected auto or a number from 1 to 256, found '257'\n");
  CHECK(found("admin:") ==
        "3:1: error: expected a mapping with the keys of 'admin' (socket or metrics), found nothing\n");
  CHECK(found("timeouts: 5s").starts_with("3:11: error: expected a mapping with the keys of 'timeouts' (handshake, "));
  CHECK(found("upstreams: [a]") ==
        "3:12: error: expected a mapping of upstreams ('legacy: {endpoints: [127.0.0.1:9000]}'), found a list\n");
  CHECK(in_listener("{bind: {a: b}}") ==
        "3:12: error: expected an address and a port, such as 0.0.0.0:8443, found a mapping\n");
  CHECK(in_listener("{bind: 1.2.3.4:80, redirect_to_https: maybe}") ==
        "3:43: error: expected true or false, found 'maybe'\n");
  CHECK(decode_findings("workers: 1") ==
        "1:1: error: the config needs 'listeners'\n1:1: error: the config needs 'virtual_hosts'\n");
  CHECK(decode_findings("listeners: []\nvirtual_hosts: []") ==
        "1:12: error: 'listeners' needs at least one entry ('- bind: 0.0.0.0:8443')\n"
        "2:16: error: 'virtual_hosts' needs at least one entry ('- hosts: [api.example.com]')\n");
}

TEST_CASE("durations, sizes and numbers have their form and their range") {
  CHECK(found("timeouts: {handshake: 10}") ==
        "3:23: error: expected a duration such as 250ms, 5s, 1m or 12h, found '10'\n");
  CHECK(found("timeouts: {drain: 0s}") == "3:19: error: expected a duration from 1ms to 30d, found '0s'\n");
  CHECK(found("timeouts: {drain: 31d}") == "3:19: error: expected a duration from 1ms to 30d, found '31d'\n");
  CHECK(found("timeouts: {drain: -5s}") ==
        "3:19: error: expected a duration such as 250ms, 5s, 1m or 12h, found '-5s'\n");
  CHECK(found("limits: {body: 1KB}") == "3:16: error: expected a size such as 512B, 64KiB or 1GiB, found '1KB'\n");
  CHECK(found("limits: {headers: 10B}") == "3:19: error: expected a size from 256 to 16777216 bytes, found '10B'\n");
  CHECK(found("limits: {body: 0}") == "3:16: error: expected a size from 1 to 1125899906842624 bytes, found '0'\n");
  CHECK(found("limits: {connections: -1}") == "3:23: error: expected a whole number from 1 to 10000000, found '-1'\n");
  CHECK(found("limits: {header_count: 1.5}") == "3:24: error: expected a whole number from 1 to 10000, found '1.5'\n");
}

TEST_CASE("what only the whole gateway can have is refused in a host or route, with the place where it belongs") {
  CHECK(in_host("timeouts: {handshake: 5s, body_idle: 5s}") ==
        "3:16: error: 'handshake' can't stand in 'timeouts' of a virtual host, only in the top-level "
        "'timeouts'\n");
  CHECK(in_route("limits: {connections: 5, body: 1KiB}\n        respond: echo") ==
        "6:18: error: 'connections' can't stand in 'limits' of a virtual host or route, only in the top-level "
        "'limits'\n");
}

TEST_CASE("client_auth takes a mode, and false for off, but never true") {
  CHECK(
      in_host("tls: {certificate: a, key: b, client_auth: true}") ==
      "3:48: error: 'client_auth: true' could mean two modes; write strict (a certificate is required) or optional\n");
  CHECK(in_host("tls: {certificate: a, key: b, client_auth: yes}").find("write strict") != std::string::npos);
  CHECK(in_host("tls: {certificate: a, key: b, client_auth: false}").empty());
  CHECK(in_host("tls: {certificate: a, key: b, client_auth: strickt}") ==
        "3:48: error: expected strict, optional or off, found 'strickt'; did you mean 'strict'?\n");
}

TEST_CASE("TLS versions are 1.2 and 1.3") {
  CHECK(in_host("tls: {certificate: a, key: b, min_version: 1.3, max_version: \"1.2\"}") ==
        "3:66: error: max_version is lower than min_version, so no client could connect\n");
  CHECK(in_host("tls: {certificate: a, key: b, min_version: 1.1}") ==
        "3:48: error: expected \"1.2\" or \"1.3\" (older versions are not offered), found '1.1'\n");
  CHECK(in_host("tls: {}") == "3:10: error: 'tls' needs 'certificate'\n3:10: error: 'tls' needs 'key'\n");
}

TEST_CASE("a listener binds a literal address") {
  CHECK(in_listener("{bind: \"*:8443\"}") ==
        "3:12: error: expected 0.0.0.0:PORT for all IPv4 addresses or \"[::]:PORT\" for all IPv6 addresses, found "
        "'*:8443'\n");
  CHECK(in_listener("{name: x}") ==
        "3:5: error: a listener needs 'bind': an address and a port, such as 0.0.0.0:8443\n");
  CHECK(in_listener("{bind: 1.2.3.4:99999}") ==
        "3:12: error: expected a port from 1 to 65535 behind the last ':', found '1.2.3.4:99999'\n");
}

TEST_CASE("a route has exactly one of upstream and respond") {
  CHECK(in_route("timeouts: {body_idle: 5s}") == "5:9: error: a route needs 'upstream' or 'respond'\n");
  CHECK(in_route("upstream: a\n        respond: echo") ==
        "7:9: error: a route has either 'upstream' or 'respond', not both\n");
  CHECK(in_route("respond: ecko") == "6:18: error: expected echo or a mapping with status and body, found 'ecko'\n");
  CHECK(in_route("respond: {status: 101}") == "6:27: error: expected a whole number from 200 to 599, found '101'\n");
  CHECK(in_route("respond: {status: 204, body: x}") == "6:38: error: a response with status 204 has no body\n");
  CHECK(in_route("respond: {content_type: text}") ==
        "6:33: error: expected a media type such as text/plain, found 'text'\n");
  CHECK(in_route("respond: {body: \"${client.cn}\"}").find("is a variable of the request") != std::string::npos);
}

TEST_CASE("header fields that the gateway writes itself can't be set or removed") {
  for (const std::string name :
       {"Host", "content-length", "Transfer_Encoding", "Connection", "TE", "Upgrade", "Keep-Alive"}) {
    CHECK(in_route(std::string("respond: echo\n        headers: {remove: [") + name + "]}") ==
          "7:28: error: '" + name + "' is written by the gateway itself and can't be set or removed here\n");
    CHECK(in_route(std::string("respond: echo\n        headers: {set: {") + name + ": x}}") ==
          "7:25: error: '" + name + "' is written by the gateway itself and can't be set or removed here\n");
  }
}

TEST_CASE("header fields have token names and clean values") {
  CHECK(in_route("respond: echo\n        headers: {set: {\"a b\": x}}") ==
        "7:25: error: expected the name of a header field (letters, digits and '-'), found 'a b'\n");
  CHECK(in_route("respond: echo\n        headers: {set: {X-A: \"a\\r\\nB: c\"}}") ==
        "7:30: error: expected a header value without line breaks, control bytes or spaces around it, found "
        "'a\\x0D\\nB: c'\n");
  CHECK(in_route("respond: echo\n        headers: {set: {X-A: a, x_a: b}}") ==
        "7:33: error: 'x_a' and 'X-A' are one field to applications; set one of them\n");
  CHECK(in_route("respond: echo\n        headers: {set: {X-A: \"${client.cnn}\"}}").find("client.cn") !=
        std::string::npos);
  CHECK(in_route("respond: echo\n        headers: {set: {X-A: \"${client.san.uri} ${tls.version}\"}}").empty());
}

TEST_CASE("rules have a name, an effect and known matchers") {
  const auto in_rule = [](std::string_view rule) {
    return found("policies: {p: {rules: [" + std::string(rule) + "]}}");
  };
  CHECK(in_rule("{effect: allow}") == "3:24: error: a rule needs 'name': it stands in logs and metrics\n");
  CHECK(in_rule("{name: a}") == "3:24: error: a rule needs 'effect': allow or deny\n");
  CHECK(in_rule("{name: a, effect: alow}") ==
        "3:42: error: expected deny or allow, found 'alow'; did you mean 'allow'?\n");
  CHECK(in_rule("{name: default, effect: allow}").find("expected another name") != std::string::npos);
  CHECK(in_rule("{name: a, effect: deny}, {name: a, effect: deny}") ==
        "3:56: error: rule 'a' is there twice; first in line 3\n");
  CHECK(in_rule("{name: a, effect: deny, when: {uri: x}}").starts_with("3:55: error: unknown key 'uri' in 'when'"));
  CHECK(in_rule("{name: a, effect: deny, when: {cn: []}}") ==
        "3:59: error: 'cn' lists no pattern, so the rule would never match\n");
  CHECK(in_rule("{name: a, effect: deny, when: {authenticated: maybe}}") ==
        "3:70: error: expected true or false, found 'maybe'\n");
  CHECK(in_rule("{name: a, effect: deny, when: {authenticated: yes, cn: [a, b], ip_san: 10.0.0.0/8}}").empty());
}

TEST_CASE("upstreams have endpoints and bounded settings") {
  const auto in_upstream = [](std::string_view upstream) {
    return found("upstreams: {u: {" + std::string(upstream) + "}}");
  };
  CHECK(in_upstream("retries: 1") == "3:16: error: an upstream needs 'endpoints': such as [127.0.0.1:9000]\n");
  CHECK(in_upstream("endpoints: []") == "3:28: error: an upstream needs at least one endpoint\n");
  CHECK(in_upstream("endpoints: [a:1, a:1]") == "3:34: error: endpoint 'a:1' is listed twice\n");
  CHECK(in_upstream("endpoints: [http://a:1]") ==
        "3:29: error: expected host:port without a scheme or path, or unix:/path; TLS towards upstreams is not in this "
        "version, "
        "found 'http://a:1'\n");
  CHECK(in_upstream("endpoints: a:1, retries: 11") ==
        "3:42: error: expected a whole number from 0 to 10, found '11'\n");
  CHECK(in_upstream("endpoints: a:1, pool: {max_idle: -1}") ==
        "3:50: error: expected a whole number from 0 to 65536, found '-1'\n");
  CHECK(in_upstream("endpoints: a:1, health_check: {fall: 0}") ==
        "3:54: error: expected a whole number from 1 to 100, found '0'\n");
  CHECK(in_upstream("endpoints: a:1, health_check: {path: healthz}") ==
        "3:54: error: expected a path such as /healthz, found 'healthz'\n");
}

TEST_CASE("settings of logs, admin and proxies are checked") {
  CHECK(found("access_log: off").empty());
  CHECK(found("access_log: {path: off, format: text}").empty());
  CHECK(found("access_log: stderr") == "3:13: error: expected off, stdout or the path of a file, found 'stderr'\n");
  CHECK(found("access_log: {format: xml}") == "3:22: error: expected json or text, found 'xml'\n");
  CHECK(found("admin: {metrics: off, socket: off}").empty());
  CHECK(found("admin: {metrics: localhost:9145}") ==
        "3:18: error: expected a literal IP address and a port, such as 0.0.0.0:8443 or \"[::]:8443\", found "
        "'localhost:9145'\n");
  CHECK(found("trusted_proxies: [10.0.0.0/8, 192.168.1.1]").empty());
  CHECK(found("trusted_proxies: [10.0.0.1/8]") ==
        "3:19: error: expected a network such as 10.0.0.0/8 or an IP address (without bits behind the prefix), found "
        "'10.0.0.1/8'\n");
  CHECK(found("forwarding: {via: 1}") == "3:19: error: expected true or false, found '1'\n");
}

TEST_CASE("environment variables fill scalars but add no structure") {
  const std::map<std::string, std::string> variables{{"PORT", "8443"}, {"TRICK", "a, b]}\nlisteners: []"}};
  CHECK(decode_findings("listeners: [{bind: \"127.0.0.1:${PORT}\"}]\nvirtual_hosts: [{hosts: [a], routes: [{path: /*, "
                        "respond: echo}]}]\n",
                        variables)
            .empty());
  CHECK(decode_findings(with("workers: ${TRICK}"), variables) ==
        "3:10: error: expected auto or a number from 1 to 256, found 'a, b]}\\nlisteners: []'\n");
  CHECK(decode_findings(with("workers: ${UNSET}")) ==
        "3:10: error: environment variable UNSET is not set; set it or write ${UNSET:-default}\n");
  CHECK(decode_findings(with("workers: ${UNSET:-2}")).empty());
}

TEST_CASE("all errors come at once, in the order of the file") {
  CHECK(decode_findings(
            "virtual_hosts:\n  - hosts: [a]\n    routes: [{path: /*}]\nworkers: x\nlisteners:\n  - {bind: y, nam: z}\n"
            "timeouts: {drain: 1}\ntimeouts: {}\n") ==
        "3:14: error: a route needs 'upstream' or 'respond'\n"
        "4:10: error: expected auto or a number from 1 to 256, found 'x'\n"
        "6:12: error: expected an address with its port, such as 0.0.0.0:8443, found 'y'\n"
        "6:15: error: unknown key 'nam' in a listener; did you mean 'name'?\n"
        "7:19: error: expected a duration such as 250ms, 5s, 1m or 12h, found '1'\n"
        "8:1: error: 'timeouts' is set twice; first in line 7\n");
}

TEST_CASE("a diagnostic carries the offending value on its own") {
  DiagnosticSink sink("f");
  sink.error({2, 3}, "val\nue", "bad");
  const auto all = sink.take();
  REQUIRE(all.size() == 1);
  CHECK(all[0].value == "val\nue");
  CHECK(to_string(all[0]) == "f:2:3: error: bad");
}

TEST_CASE("however many warnings there are, the errors are shown, and a fault of an alias is shown once") {
  DiagnosticSink sink("f");
  for (int i = 1; i <= 1'000; ++i) sink.warning({i, 1}, "", "w");
  for (int i = 0; i < 3; ++i) sink.error({5'000, 1}, "", "the error");
  CHECK(sink.errors() == 1);
  const auto all = sink.take();
  CHECK(all.size() == kMaxDiagnostics + 1);
  CHECK(all.back().message == "the error");
  CHECK(all.front().message == "too many findings; the others are left out");
}

}  // namespace
}  // namespace gateway::config
