#include "proxy/upstream_pool.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace gateway::proxy {
namespace {

std::vector<sockaddr_storage> literal_address(const Endpoint& endpoint) {
  const auto ip = core::IpAddress::parse(endpoint.host);
  if (!ip) return {};
  sockaddr_storage address{};
  if (ip->is_v6()) {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&address);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(endpoint.port);
    std::memcpy(&in6->sin6_addr, ip->bytes().data(), 16);
  } else {
    auto* in = reinterpret_cast<sockaddr_in*>(&address);
    in->sin_family = AF_INET;
    in->sin_port = htons(endpoint.port);
    std::memcpy(&in->sin_addr, ip->bytes().data(), 4);
  }
  return {address};
}

}  // namespace

void EndpointPool::set_max_idle(std::size_t max_idle) {
  max_idle_ = max_idle;
}

void EndpointPool::set_state(const EndpointState* state) {
  healthy_ = state == nullptr || state->healthy;
  if (!endpoint_.unix_path.empty()) return;
  if (state != nullptr && !state->addresses.empty()) {
    addresses_ = state->addresses;
  } else if (!endpoint_.needs_resolving) {
    addresses_ = literal_address(endpoint_);
  }
}

std::unique_ptr<UpstreamConnection> EndpointPool::take_idle() {
  if (idle_.empty()) return nullptr;
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  connection->unpark();
  ++metrics_.reuses;
  return connection;
}

std::unique_ptr<UpstreamConnection> EndpointPool::connect(core::EventLoop& loop, core::DeadlineWheel& wheel,
                                                          core::Milliseconds timeout) {
  ++metrics_.connects;
  auto connection = std::make_unique<UpstreamConnection>(loop, wheel, shared_from_this());
  int status = UV_EADDRNOTAVAIL;
  if (!endpoint_.unix_path.empty()) {
    status = connection->connect_unix(endpoint_.unix_path, timeout);
  } else if (!addresses_.empty()) {
    status = connection->connect(addresses_[next_address_++ % addresses_.size()], timeout);
  }
  if (status == 0) return connection;
  ++metrics_.connect_failures;
  return nullptr;
}

void EndpointPool::give_back(std::unique_ptr<UpstreamConnection> connection, core::EventLoop& loop) {
  if (idle_.size() >= max_idle_) {
    loop.retire(std::move(connection));
    return;
  }
  connection->park(core::kUpstreamIdleTime);
  idle_.push_back(std::move(connection));
}

std::unique_ptr<UpstreamConnection> EndpointPool::take(const UpstreamConnection& connection) {
  const auto found = std::ranges::find(idle_, &connection, &std::unique_ptr<UpstreamConnection>::get);
  if (found == idle_.end()) core::broken_invariant("an idle upstream connection is in no pool");
  auto taken = std::move(*found);
  idle_.erase(found);
  return taken;
}

void EndpointPool::close_idle(core::EventLoop& loop) {
  for (auto& connection : idle_) loop.retire(std::move(connection));
  idle_.clear();
}

void UpstreamGroup::look_for_usable() {
  usable_.clear();
  for (const auto& endpoint : endpoints_) {
    if (endpoint->usable()) usable_.push_back(endpoint.get());
  }
}

EndpointPool* UpstreamGroup::next(std::span<const EndpointPool* const> tried, std::uint64_t now) {
  EndpointPool* paused = nullptr;
  for (std::size_t i = 0; i < usable_.size(); ++i) {
    const std::size_t at = (cursor_ + i) % usable_.size();
    EndpointPool* const candidate = usable_[at];
    // One that went out of use since is seen by an exchange that began before a reload.
    if (!candidate->usable() || std::ranges::find(tried, candidate) != tried.end()) continue;
    if (!candidate->paused(now)) {
      cursor_ = at + 1;
      return candidate;
    }
    if (paused == nullptr) paused = candidate;
  }
  return paused;
}

void UpstreamPool::close_idle() {
  for (const auto& [key, endpoint] : endpoints_) endpoint->close_idle(loop_);
}

void UpstreamPool::adopt(const Snapshot& snapshot, const EndpointStates& states) {
  auto previous = std::move(endpoints_);
  endpoints_.clear();
  groups_.clear();
  for (const Upstream& upstream : snapshot.upstreams) {
    std::vector<std::shared_ptr<EndpointPool>> members;
    for (const Endpoint& endpoint : upstream.endpoints) {
      const std::string key = endpoint_key(upstream.name, endpoint.address);
      auto& pool = endpoints_[key];
      if (const auto kept = previous.find(key); pool == nullptr && kept != previous.end()) pool = kept->second;
      if (pool == nullptr) {
        pool = std::make_shared<EndpointPool>(endpoint, metrics_.endpoints[{upstream.name, endpoint.address}]);
      }
      pool->set_max_idle(upstream.max_idle);
      members.push_back(pool);
    }
    groups_.push_back(std::make_shared<UpstreamGroup>(upstream.name, std::move(members)));
  }
  for (const auto& [key, pool] : previous) {
    if (endpoints_.contains(key)) continue;
    pool->set_max_idle(0);
    pool->close_idle(loop_);
  }
  update(states);
}

void UpstreamPool::update(const EndpointStates& states) {
  for (const auto& [key, pool] : endpoints_) {
    const auto found = states.find(key);
    pool->set_state(found == states.end() ? nullptr : &found->second);
  }
  for (const auto& group : groups_) group->look_for_usable();
}

}  // namespace gateway::proxy
