#include "gatewayd/listener_sockets.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

using namespace gateway;
using namespace gateway::gatewayd;

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A port of this host that somebody else listens on until the object dies.
struct Taken {
  Taken() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(fd.get(), 1) == 0);
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }
  core::UniqueFd fd;
  std::uint16_t port = 0;
};

std::uint16_t free_port() {
  return Taken().port;
}

proxy::Listener listener(std::uint16_t port, const std::string& address = "127.0.0.1") {
  proxy::Listener made;
  made.bind = address + ':' + std::to_string(port);
  made.name = made.bind;
  made.address = address;
  made.port = port;
  return made;
}

bool connects(std::uint16_t port) {
  const core::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

TEST_CASE("every worker gets a socket for every new bind, and none for one that it watches already") {
  ListenerSockets sockets(3);
  const auto first = free_port();
  const auto second = free_port();
  auto plan = sockets.prepare({listener(first)});
  REQUIRE(plan.has_value());
  REQUIRE(plan->new_sockets.size() == 3);
  for (const auto& worker : plan->new_sockets) {
    REQUIRE(worker.size() == 1);
    CHECK(worker[0].bind == listener(first).bind);
  }
  sockets.commit(std::move(*plan));
  CHECK(connects(first));

  auto next = sockets.prepare({listener(first), listener(second)});
  REQUIRE(next.has_value());
  for (const auto& worker : next->new_sockets) {
    REQUIRE(worker.size() == 1);
    CHECK(worker[0].bind == listener(second).bind);
  }
}

TEST_CASE("a connection that waits in the queue survives a worker that closes its duplicate") {
  ListenerSockets sockets(1);
  const auto port = free_port();
  auto plan = sockets.prepare({listener(port)});
  REQUIRE(plan.has_value());
  auto given = std::move(plan->new_sockets);
  sockets.commit(std::move(*plan));
  const core::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(port);
  REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  given.clear();
  // Written otherwise, the bind is new to the workers, but the socket is the one that was there.
  auto renamed = listener(port);
  renamed.bind = "localhost";
  auto again = sockets.prepare({renamed});
  REQUIRE(again.has_value());
  REQUIRE(again->new_sockets[0].size() == 1);
  const core::UniqueFd accepted(::accept4(again->new_sockets[0][0].fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  CHECK(accepted);
}

TEST_CASE("a plan that is dropped leaves nothing behind, and one with an error says all of them") {
  ListenerSockets sockets(2);
  const Taken one;
  const Taken other;
  const auto port = free_port();
  const auto plan = sockets.prepare({listener(one.port), listener(port), listener(other.port)});
  REQUIRE_FALSE(plan.has_value());
  REQUIRE(plan.error().size() == 2);
  CHECK(plan.error()[0].bind == listener(one.port).bind);
  CHECK(plan.error()[1].bind == listener(other.port).bind);
  CHECK_FALSE(connects(port));
  CHECK(sockets.address_count() == 0);
}

TEST_CASE("a port that another daemon shares with SO_REUSEPORT is in use") {
  ListenerSockets running(1);
  const auto port = free_port();
  auto plan = running.prepare({listener(port)});
  REQUIRE(plan.has_value());
  running.commit(std::move(*plan));
  ListenerSockets second(1);
  CHECK_FALSE(second.prepare({listener(port)}).has_value());
}

TEST_CASE("all addresses and one of them may share a port within a config") {
  ListenerSockets sockets(1);
  const auto port = free_port();
  CHECK(sockets.prepare({listener(port, "0.0.0.0"), listener(port)}).has_value());
  auto any = sockets.prepare({listener(port, "0.0.0.0")});
  REQUIRE(any.has_value());
  sockets.commit(std::move(*any));
  CHECK(sockets.prepare({listener(port, "0.0.0.0"), listener(port)}).has_value());
}

TEST_CASE("what left the config stays open until all workers have adopted") {
  ListenerSockets sockets(1);
  const auto stays = free_port();
  const auto leaves = free_port();
  auto plan = sockets.prepare({listener(stays), listener(leaves)});
  REQUIRE(plan.has_value());
  plan->new_sockets.clear();
  sockets.commit(std::move(*plan));
  auto next = sockets.prepare({listener(stays)});
  REQUIRE(next.has_value());
  sockets.commit(std::move(*next));
  CHECK(connects(leaves));
  sockets.close_retired();
  CHECK_FALSE(connects(leaves));
  CHECK(connects(stays));
  sockets.close_all();
  CHECK_FALSE(connects(stays));
}

namespace {

// As systemd opens them, SO_REUSEPORT for those that share an address.
InheritedSocket inherited(std::uint16_t port) {
  core::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0);
  const auto address = loopback(port);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(fd.get(), 16) == 0);
  return {.host = "127.0.0.1", .port = port, .fd = std::move(fd)};
}

std::vector<InheritedSocket> group(std::uint16_t port, unsigned count) {
  std::vector<InheritedSocket> sockets;
  for (unsigned i = 0; i < count; ++i) sockets.push_back(inherited(port));
  return sockets;
}

std::vector<std::size_t> shares(const ListenerSockets::Plan& plan) {
  std::vector<std::size_t> counts;
  for (const auto& worker : plan.new_sockets) counts.push_back(worker.size());
  return counts;
}

}  // namespace

TEST_CASE("an inherited socket is shared by all workers, and of several each is watched by one at least") {
  const auto port = free_port();
  for (const auto& [sockets, expected] :
       {std::pair{1U, std::vector<std::size_t>{1, 1}}, {2U, {1, 1}}, {3U, {2, 1}}, {5U, {3, 2}}}) {
    CAPTURE(sockets);
    ListenerSockets listeners(2, group(port, sockets));
    const auto plan = listeners.prepare({listener(port)});
    REQUIRE(plan.has_value());
    CHECK(shares(*plan) == expected);
  }
}

TEST_CASE("an inherited socket stays through reloads, goes with its bind, and does not come back") {
  const auto port = free_port();
  const auto other = free_port();
  ListenerSockets listeners(1, group(port, 1));
  for (int i = 0; i < 3; ++i) {
    auto plan = listeners.prepare({listener(port)});
    REQUIRE(plan.has_value());
    CHECK(plan->new_sockets[0].size() == (i == 0 ? 1U : 0U));
    listeners.commit(std::move(*plan));
    CHECK(connects(port));
  }
  auto without = listeners.prepare({listener(other)});
  REQUIRE(without.has_value());
  listeners.commit(std::move(*without));
  listeners.close_retired();
  CHECK_FALSE(connects(port));
  const Taken taken;
  CHECK_FALSE(listeners.prepare({listener(other), listener(taken.port)}).has_value());
}

TEST_CASE("an inherited socket that no listener has is closed; addresses count, however they are written") {
  const auto wanted = free_port();
  const auto unwanted = free_port();
  std::vector<InheritedSocket> sockets;
  sockets.push_back(inherited(unwanted));
  sockets.push_back(inherited(wanted));
  sockets.push_back({.host = "::1", .port = wanted, .fd = {}});
  drop_unwanted(sockets, {listener(wanted), listener(wanted, "0:0::0:1")});
  REQUIRE(sockets.size() == 2);
  CHECK(sockets[0].port == wanted);
  CHECK(sockets[1].host == "::1");
  CHECK_FALSE(connects(unwanted));
  CHECK(connects(wanted));
}
