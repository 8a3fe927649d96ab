#include <doctest/doctest.h>

#include "config_folder.h"

namespace gateway::config {
namespace {

struct Settings {
  std::string workers = "2";
  std::string socket = "run/a.sock";
  std::string server = "server";
  std::string mode = "strict";
  std::string trust = "{ca: pki/ca.pem, crl: pki/ca.crl}";
  std::string rules = "{name: r, effect: allow, when: {cn: a}}";
  std::string value = "x";
  std::string endpoints = "[127.0.0.1:1]";
  std::string more{};
};

LoadedConfig config_of(const ConfigFolder& folder, const Settings& s) {
  return folder.good(
      "workers: " + s.workers + "\nadmin: {socket: " + s.socket +
      "}\nlisteners: [{bind: 127.0.0.1:8443}]\ntrust: {t: " + s.trust + "}\npolicies: {p: {rules: [" + s.rules +
      "]}}\nupstreams: {u: {endpoints: " + s.endpoints +
      "}}\nvirtual_hosts:\n  - name: v\n    hosts: [example.com]\n    policy: p\n    tls: {certificate: pki/issued/" +
      s.server + ".pem, key: pki/issued/" + s.server + ".key, client_auth: " + s.mode +
      ", trust: t}\n    routes: [{path: /*, upstream: u, headers: {set: {X-A: " + s.value + "}}}]\n" + s.more);
}

std::string changes(const Settings& after, const Settings& before = {}) {
  const ConfigFolder folder;
  std::string out;
  for (const std::string& line : describe_changes(config_of(folder, before), config_of(folder, after)))
    out += line + "\n";
  return out;
}

TEST_CASE("the same config has no changes") {
  CHECK(changes({}).empty());
}

TEST_CASE("each kind of change is one line that names what changed") {
  CHECK(changes({.server = "other-server"}) == "virtual host v: certificate changed\nvirtual host v: key changed\n");
  CHECK(changes({.mode = "optional"}) == "virtual host v: client_auth optional instead of strict\n");
  CHECK(changes({.trust = "{ca: [pki/ca.pem, pki/other/ca.pem], crl: [pki/ca.crl, pki/other/ca.crl]}"}) ==
        "trust set t: CA certificates changed\ntrust set t: CRLs changed\n");
  CHECK(changes({.trust = "{ca: pki/ca.pem, crl: pki/ca.crl, depth: 1}"}) == "trust set t: settings changed\n");
  CHECK(changes({.rules = "{name: r, effect: deny, when: {cn: a}}, {name: s, effect: deny, when: {cn: c}}, {name: q, "
                          "effect: allow, "
                          "when: {cn: b}}"}) == "policy p: 2 rules added\npolicy p: 1 rule changed\n");
  CHECK(changes({.rules = ""}) == "policy p: 1 rule removed\n");
  CHECK(changes({.value = "y"}) == "virtual host v: routes changed\n");
  CHECK(changes({.endpoints = "[127.0.0.1:2]"}) == "upstream u changed\n");
  CHECK(changes({.more = "  - {name: w, hosts: [www.example.com], tls: {certificate: pki/issued/server.pem, key: "
                         "pki/issued/server.key, "
                         "client_auth: off}, routes: [{path: /*, respond: echo}]}\n"}) == "virtual host w added\n");
  CHECK(changes({.more = "timeouts: {drain: 1s}\nlimits: {body: 1MiB}\naccess_log: off\ntrusted_proxies: "
                         "10.0.0.0/8\nwatch: true\n"}) ==
        "timeouts changed\nlimits changed\ntrusted proxies changed\naccess log changed\nwatch all instead of files\n");
}

TEST_CASE("an upstream that only moved in the list is no change") {
  CHECK(changes({}, {.more = ""}) == "");
  const ConfigFolder folder;
  const std::string head =
      "listeners: [{bind: 127.0.0.1:80, protocol: http}]\nvirtual_hosts: [{hosts: [a], routes: [{path: /a, upstream: "
      "a}, {path: /b, upstream: b}]}]\n";
  const LoadedConfig one =
      folder.good(head + "upstreams: {a: {endpoints: [127.0.0.1:1]}, b: {endpoints: [127.0.0.1:2]}}\n");
  const LoadedConfig two =
      folder.good(head + "upstreams: {b: {endpoints: [127.0.0.1:2]}, a: {endpoints: [127.0.0.1:1]}}\n");
  CHECK(describe_changes(one, two).empty());
}

TEST_CASE("what needs a restart is told apart") {
  const ConfigFolder folder;
  const LoadedConfig before = config_of(folder, {});
  CHECK(restart_only_changes(before, before).empty());
  const auto after = restart_only_changes(
      before, config_of(folder, {.workers = "3", .socket = "off", .more = "state_directory: run/state\n"}));
  REQUIRE(after.size() == 3);
  CHECK(after[0] == "workers: 3 instead of 2 needs a restart");
  CHECK(after[1] == "admin.socket: off instead of '" + (folder.path() / "run/a.sock").string() + "' needs a restart");
  CHECK(after[2] == "state_directory: '" + (folder.path() / "run/state").string() +
                        "' instead of '/var/lib/gatewayd' needs a restart");
}

}  // namespace
}  // namespace gateway::config
