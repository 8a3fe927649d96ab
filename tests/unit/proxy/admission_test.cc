#include "proxy/admission.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

using namespace gateway;
using proxy::admit;

namespace {

std::shared_ptr<const policy::RuleSet> allow_only(const std::string& path) {
  policy::PolicySpec spec{.name = "p", .default_effect = policy::Effect::deny, .rules = {}};
  spec.rules.push_back(
      {.name = "r", .effect = policy::Effect::allow, .when = {{.matcher = policy::Matcher::path, .patterns = {path}}}});
  auto compiled = policy::RuleSet::compile(spec);
  REQUIRE(compiled.has_value());
  return *compiled;
}

proxy::VirtualHost virtual_host(const std::string& name, std::vector<std::string> routes) {
  proxy::VirtualHost host;
  host.name = name;
  host.hosts = {name + ".test"};
  for (std::uint32_t i = 0; i < routes.size(); ++i) {
    host.route_table.add(routes[i], i);
    proxy::Route route;
    route.path = routes[i];
    route.action = proxy::RouteAction::respond;
    host.routes.push_back(std::move(route));
  }
  return host;
}

// Virtual hosts: 0 "open", 1 "strict" (policy: only /allowed), 2 "fallback" (default).
struct World {
  proxy::Snapshot snapshot;
  World() {
    snapshot.virtual_hosts.push_back(virtual_host("open", {"/*"}));
    snapshot.virtual_hosts.push_back(virtual_host("strict", {"/allowed", "/a/*", "/raw/*"}));
    snapshot.virtual_hosts.push_back(virtual_host("fallback", {"/*"}));
    snapshot.virtual_hosts[1].policy = allow_only("/a/*");
    snapshot.virtual_hosts[1].routes[2].keep_encoded_slashes = true;
    auto table = std::make_shared<core::HostTable>();
    table->add("open.test", 0);
    table->add("strict.test", 1);
    table->add("*.wild.test", 1);
    table->add("fallback.test", 2);
    auto with_default = std::make_shared<core::HostTable>(*table);
    with_default->set_default(2);
    proxy::Listener https;
    https.hosts = with_default;
    proxy::Listener strict_https;
    strict_https.hosts = table;
    proxy::Listener http;
    http.protocol = proxy::Protocol::http;
    http.hosts = std::make_shared<core::HostTable>();
    http.redirect_to_https = true;
    snapshot.listeners = {https, strict_https, http};
  }

  proxy::Admission ask(std::optional<std::uint32_t> handshake_host, const std::string& host,
                       const std::string& target = "/x", std::size_t listener = 0,
                       const core::PeerIdentity* identity = nullptr, core::Reason barred = core::Reason::none) const {
    proxy::RequestHead head;
    head.method = "GET";
    head.target = target;
    if (!host.empty()) head.fields.add("Host", host);
    proxy::Admission admission;
    // Whatever an earlier request left must not count.
    admission.redirect = true;
    admission.reason = core::Reason::internal;
    admission.virtual_host = &snapshot.virtual_hosts.back();
    admission.route = &snapshot.virtual_hosts.back().routes.back();
    admission.decision = policy::Decision{.allow = true};
    admission.host = "left.over";
    admission.forwarded_host = "left.over:1";
    admission.target.path = "/left/over";
    admission.target.asterisk = true;
    admission.target.encoded_slash = true;
    admit({.snapshot = &snapshot,
           .listener = &snapshot.listeners[listener],
           .handshake_host = handshake_host,
           .identity = identity,
           .barred = barred,
           .source_ip = {}},
          head, admission);
    return admission;
  }
};

}  // namespace

TEST_CASE("a request is admitted only for the virtual host that the handshake chose") {
  const World world;
  CHECK(world.ask(0, "open.test").reason == core::Reason::none);
  for (const char* host : {"strict.test", "STRICT.test.", "strict.test:8443", "a.wild.test"}) {
    CAPTURE(host);
    CHECK(world.ask(0, host).reason == core::Reason::wrong_host);
  }
  CHECK(world.ask(1, "open.test").reason == core::Reason::wrong_host);
}

TEST_CASE("every name of the same virtual host is the same host") {
  const World world;
  CHECK(world.ask(1, "a.wild.test", "/a/b").reason == core::Reason::none);
  CHECK(world.ask(1, "Strict.Test:443", "/a/b").forwarded_host == "strict.test:443");
}

TEST_CASE("a Host that nobody claims belongs to the default host, and only if the handshake chose that") {
  const World world;
  CHECK(world.ask(2, "198.51.100.7").reason == core::Reason::none);
  CHECK(world.ask(2, "").reason == core::Reason::none);
  CHECK(world.ask(0, "198.51.100.7").reason == core::Reason::wrong_host);
  CHECK(world.ask(0, "nobody.test", "/x", 1).reason == core::Reason::wrong_host);
}

TEST_CASE("a request on a TLS listener without a handshake's host is refused") {
  const World world;
  CHECK(world.ask(std::nullopt, "open.test").reason == core::Reason::wrong_host);
}

TEST_CASE("Host and an absolute target that disagree are refused") {
  const World world;
  CHECK(world.ask(0, "open.test", "http://strict.test/x").reason == core::Reason::bad_request);
  CHECK(world.ask(0, "strict.test", "http://open.test/x").reason == core::Reason::bad_request);
  CHECK(world.ask(0, "open.test", "http://open.test/x").reason == core::Reason::none);
  CHECK(world.ask(0, "open.test", "http://strict.test/x").route == nullptr);
}

TEST_CASE("a malformed Host is a bad request") {
  const World world;
  for (const char* host : {"open.test/x", "u@open.test", "open.test:x", "[::1", "open.test#", "a b"}) {
    CAPTURE(host);
    CHECK(world.ask(0, host).reason == core::Reason::bad_request);
  }
}

TEST_CASE("policy judges the normalised path, before any route is known") {
  const World world;
  CHECK(world.ask(1, "strict.test", "/a/b").reason == core::Reason::none);
  CHECK(world.ask(1, "strict.test", "/%61/b").reason == core::Reason::none);
  CHECK(world.ask(1, "strict.test", "/a/../allowed").reason == core::Reason::not_authenticated);
  CHECK(world.ask(1, "strict.test", "/a/%2e%2e/allowed").reason == core::Reason::not_authenticated);
  CHECK(world.ask(1, "strict.test", "/nowhere").reason == core::Reason::not_authenticated);
  CHECK(world.ask(1, "strict.test", "/a/b").decision->allow);
}

TEST_CASE("a path without a route is no_route") {
  World world;
  world.snapshot.virtual_hosts[1].policy.reset();
  CHECK(world.ask(1, "strict.test", "/nowhere").reason == core::Reason::no_route);
  CHECK(world.ask(1, "strict.test", "/allowed").reason == core::Reason::none);
}

TEST_CASE("an encoded slash is refused unless the route keeps it") {
  World world;
  world.snapshot.virtual_hosts[1].policy.reset();
  CHECK(world.ask(1, "strict.test", "/a/x%2fy").reason == core::Reason::bad_request);
  const auto kept = world.ask(1, "strict.test", "/raw/x%2fy");
  CHECK(kept.reason == core::Reason::none);
  CHECK(kept.target.path == "/raw/x%2Fy");
}

TEST_CASE("duplicate slashes are merged unless the virtual host keeps them") {
  World world;
  CHECK(world.ask(0, "open.test", "//x//y").target.path == "/x/y");
  world.snapshot.virtual_hosts[0].merge_slashes = false;
  CHECK(world.ask(0, "open.test", "/x//y").target.path == "/x//y");
}

TEST_CASE("a plain listener redirects what no plain virtual host claims") {
  const World world;
  const auto admission = world.ask(std::nullopt, "open.test:8080", "/x?q", 2);
  CHECK(admission.redirect);
  CHECK(admission.host == "open.test");
  CHECK(world.ask(std::nullopt, "", "/x", 2).reason == core::Reason::wrong_host);
}

TEST_CASE("a barred client gets nothing, whoever it seems to be and whatever it asks for") {
  World world;
  world.snapshot.virtual_hosts[1].policy.reset();
  const core::PeerIdentity identity;
  for (const core::PeerIdentity* who : {static_cast<const core::PeerIdentity*>(nullptr), &identity}) {
    for (const auto& [handshake, host, target, listener] :
         {std::tuple{0U, "open.test", "/x", 0U}, std::tuple{1U, "strict.test", "/allowed", 0U},
          std::tuple{0U, "strict.test", "http://open.test/%", 0U}, std::tuple{0U, "open.test", "/x", 2U}}) {
      CAPTURE(target);
      const auto admission = world.ask(handshake, host, target, listener, who, core::Reason::expired);
      CHECK(admission.reason == core::Reason::expired);
      CHECK(admission.route == nullptr);
      CHECK_FALSE(admission.redirect);
      // So that its line and its counters have a name.
      CHECK(admission.virtual_host == &world.snapshot.virtual_hosts[handshake]);
    }
  }
  CHECK(world.ask(std::nullopt, "open.test", "/x", 0, nullptr, core::Reason::revoked).reason == core::Reason::revoked);
}

TEST_CASE("a strict host admits nobody without an identity, however the client got there") {
  World world;
  auto options = std::make_shared<tls::HostOptions>();
  options->client_auth = tls::ClientAuth::strict;
  world.snapshot.virtual_hosts[0].tls = options;
  const core::PeerIdentity identity;
  CHECK(world.ask(0, "open.test").reason == core::Reason::no_certificate);
  CHECK(world.ask(0, "open.test", "/x", 0, &identity).reason == core::Reason::none);
}

TEST_CASE("a route that requires an authenticated client refuses an anonymous one, after the policy") {
  World world;
  const core::PeerIdentity identity;
  world.snapshot.virtual_hosts[0].routes[0].require_authenticated = true;
  world.snapshot.virtual_hosts[1].routes[1].require_authenticated = true;
  CHECK(world.ask(0, "open.test").reason == core::Reason::not_authenticated);
  CHECK(world.ask(0, "open.test", "/x", 0, &identity).reason == core::Reason::none);
  CHECK(world.ask(2, "fallback.test").reason == core::Reason::none);
  CHECK(world.ask(1, "strict.test", "/a/b").decision->allow);
  CHECK(world.ask(1, "strict.test", "/a/b").reason == core::Reason::not_authenticated);
  CHECK(world.ask(1, "strict.test", "/allowed", 0, &identity).reason == core::Reason::policy_denied);
}
