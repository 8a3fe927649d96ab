#include "gatewayd/endpoint_monitor.h"

#include <netinet/in.h>
#include <uv.h>

#include <cstring>
#include <utility>

namespace gateway::gatewayd {
namespace {

void set_port(sockaddr_storage& address, std::uint16_t port) {
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
}

bool same_states(const proxy::EndpointStates& a, const proxy::EndpointStates& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, state] : a) {
    const auto found = b.find(key);
    if (found == b.end() || found->second.healthy != state.healthy) return false;
    const auto& others = found->second.addresses;
    if (others.size() != state.addresses.size()) return false;
    if (!others.empty() && std::memcmp(others.data(), state.addresses.data(), others.size() * sizeof(others[0])) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

EndpointMonitor::EndpointMonitor(core::EventLoop& loop,
                                 std::function<void(std::shared_ptr<const proxy::EndpointStates>)> publish)
    : publish_(std::move(publish)),
      states_(std::make_shared<const proxy::EndpointStates>()),
      resolver_(loop, [this] { on_change(); }),
      health_(
          loop, [this](const proxy::Endpoint& endpoint) { return addresses_of(endpoint); }, [this] { on_change(); }),
      first_lookup_(loop, [this] {
        if (auto ready = std::exchange(ready_, {})) ready();
      }) {}

std::vector<sockaddr_storage> EndpointMonitor::addresses_of(const proxy::Endpoint& endpoint) const {
  std::vector<sockaddr_storage> addresses;
  if (endpoint.needs_resolving) {
    addresses = resolver_.find(endpoint.host);
  } else if (endpoint.unix_path.empty()) {
    sockaddr_storage address{};
    const int status = endpoint.host.find(':') == std::string::npos
                           ? uv_ip4_addr(endpoint.host.c_str(), 0, reinterpret_cast<sockaddr_in*>(&address))
                           : uv_ip6_addr(endpoint.host.c_str(), 0, reinterpret_cast<sockaddr_in6*>(&address));
    if (status == 0) addresses.push_back(address);
  }
  for (auto& address : addresses) set_port(address, endpoint.port);
  return addresses;
}

void EndpointMonitor::prepare(std::shared_ptr<const proxy::Snapshot> next, std::move_only_function<void()> ready) {
  next_ = std::move(next);
  ready_ = std::move(ready);
  first_lookup_.start(kFirstLookupTime);
  watch_names();
  rebuild_states();
  check_ready();
}

void EndpointMonitor::commit() {
  current_ = std::exchange(next_, nullptr);
  watch_names();
  health_.watch(current_->upstreams);
  rebuild_states();
}

void EndpointMonitor::replace(std::shared_ptr<const proxy::Snapshot> same_endpoints) {
  current_ = std::move(same_endpoints);
}

void EndpointMonitor::watch_names() {
  std::set<std::string> names;
  for (const auto& snapshot : {current_, next_}) {
    if (!snapshot) continue;
    for (const auto& upstream : snapshot->upstreams) {
      for (const auto& endpoint : upstream.endpoints) {
        if (endpoint.needs_resolving) names.insert(endpoint.host);
      }
    }
  }
  resolver_.watch(names);
}

void EndpointMonitor::on_change() {
  if (rebuild_states()) publish_(states_);
  check_ready();
}

void EndpointMonitor::check_ready() {
  if (!ready_ || !resolver_.all_tried()) return;
  first_lookup_.stop();
  std::exchange(ready_, {})();
}

bool EndpointMonitor::rebuild_states() {
  auto states = std::make_shared<proxy::EndpointStates>();
  for (const auto& snapshot : {current_, next_}) {
    if (!snapshot) continue;
    for (const auto& upstream : snapshot->upstreams) {
      for (const auto& endpoint : upstream.endpoints) {
        if (!endpoint.needs_resolving && !upstream.health_check) continue;
        const auto key = proxy::endpoint_key(upstream.name, endpoint.address);
        (*states)[key] = {.addresses = addresses_of(endpoint), .healthy = health_.healthy(key)};
      }
    }
  }
  if (same_states(*states, *states_)) return false;
  states_ = std::move(states);
  return true;
}

}  // namespace gateway::gatewayd
