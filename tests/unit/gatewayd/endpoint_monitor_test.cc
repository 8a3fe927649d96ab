#include "gatewayd/endpoint_monitor.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

#include "core/unique_fd.h"

using namespace gateway;
using namespace gateway::gatewayd;

namespace {

proxy::Endpoint endpoint(const std::string& host, std::uint16_t port, bool needs_resolving) {
  return {.address = host + ':' + std::to_string(port),
          .host = host,
          .port = port,
          .unix_path = {},
          .needs_resolving = needs_resolving};
}

std::shared_ptr<proxy::Snapshot> snapshot_of(std::vector<proxy::Endpoint> endpoints,
                                             std::optional<proxy::HealthCheck> check = {}) {
  auto snapshot = std::make_shared<proxy::Snapshot>();
  snapshot->upstreams.push_back({.name = "u", .endpoints = std::move(endpoints), .health_check = std::move(check)});
  return snapshot;
}

template <typename Done>
bool run_until(core::EventLoop& loop, Done done) {
  const std::uint64_t until = uv_hrtime() + 20'000'000'000U;
  while (!done() && uv_hrtime() < until) uv_run(loop.get(), UV_RUN_ONCE);
  return done();
}

struct Scene {
  core::EventLoop loop;
  std::shared_ptr<const proxy::EndpointStates> published;
  EndpointMonitor monitor{
      loop, [this](std::shared_ptr<const proxy::EndpointStates> states) { published = std::move(states); }};

  void adopt(std::shared_ptr<const proxy::Snapshot> snapshot) {
    bool ready = false;
    monitor.prepare(std::move(snapshot), [&] { ready = true; });
    REQUIRE(run_until(loop, [&] { return ready; }));
    monitor.commit();
  }
  [[nodiscard]] const proxy::EndpointState& state(const std::string& address) const {
    return monitor.states()->at(proxy::endpoint_key("u", address));
  }
};

}  // namespace

TEST_CASE("a name is resolved before its generation is ready, with the endpoint's port") {
  Scene scene;
  scene.adopt(snapshot_of({endpoint("localhost", 1234, true)}));
  const auto& state = scene.state("localhost:1234");
  REQUIRE_FALSE(state.addresses.empty());
  for (const auto& address : state.addresses) {
    const auto port = address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                                    : reinterpret_cast<const sockaddr_in&>(address).sin_port;
    CHECK(ntohs(port) == 1234);
  }
}

TEST_CASE("literal addresses without a health check need no entry and no time") {
  Scene scene;
  bool ready = false;
  scene.monitor.prepare(snapshot_of({endpoint("127.0.0.1", 9, false)}), [&] { ready = true; });
  CHECK(ready);
  scene.monitor.commit();
  CHECK(scene.monitor.states()->empty());
}

TEST_CASE("while a generation is prepared today's endpoints are still known, afterwards they are not") {
  Scene scene;
  scene.adopt(snapshot_of({endpoint("localhost", 1, true)}));
  bool ready = false;
  scene.monitor.prepare(snapshot_of({endpoint("localhost", 2, true)}), [&] { ready = true; });
  CHECK(scene.monitor.states()->size() == 2);
  REQUIRE(run_until(scene.loop, [&] { return ready; }));
  scene.monitor.commit();
  CHECK(scene.monitor.states()->size() == 1);
  CHECK_FALSE(scene.state("localhost:2").addresses.empty());
}

TEST_CASE("an endpoint that refuses connections is published as not healthy, and again once it takes them") {
  const core::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const auto target = endpoint("127.0.0.1", ntohs(address.sin_port), false);
  const proxy::HealthCheck check{
      .interval = core::Milliseconds(5), .timeout = core::Milliseconds(1000), .fall = 2, .rise = 2, .path = {}};

  Scene scene;
  scene.adopt(snapshot_of({target}, check));
  CHECK(scene.state(target.address).healthy);
  REQUIRE(run_until(scene.loop, [&] { return !scene.state(target.address).healthy; }));
  CHECK(scene.published == scene.monitor.states());
  scene.adopt(snapshot_of({target}, check));
  CHECK_FALSE(scene.state(target.address).healthy);  // a reload does not forget
  REQUIRE(::listen(socket.get(), 64) == 0);
  CHECK(run_until(scene.loop, [&] { return scene.state(target.address).healthy; }));
}
