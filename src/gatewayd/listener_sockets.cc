#include "gatewayd/listener_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace gateway::gatewayd {
namespace {

using core::UniqueFd;
using Address = ListenerSockets::Address;
using Sockets = std::vector<UniqueFd>;

constexpr int kBacklog = 4096;

std::unexpected<std::string> system_error() {
  return std::unexpected(std::string(std::strerror(errno)));
}

std::expected<sockaddr_storage, std::string> parse(const Address& address) {
  sockaddr_storage parsed{};
  const int status = address.host.find(':') == std::string::npos
                         ? uv_ip4_addr(address.host.c_str(), address.port, reinterpret_cast<sockaddr_in*>(&parsed))
                         : uv_ip6_addr(address.host.c_str(), address.port, reinterpret_cast<sockaddr_in6*>(&parsed));
  if (status != 0) return std::unexpected("not an IP address: " + address.host);
  return parsed;
}

std::expected<UniqueFd, std::string> bind_socket(const sockaddr_storage& address, bool shared) {
  UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error();
  const int on = 1;
  const auto set = [&](int level, int option) { return ::setsockopt(fd.get(), level, option, &on, sizeof(on)) == 0; };
  if (!set(SOL_SOCKET, SO_REUSEADDR)) return system_error();
  if (shared && !set(SOL_SOCKET, SO_REUSEPORT)) return system_error();
  const bool v6 = address.ss_family == AF_INET6;
  if (v6 && !set(IPPROTO_IPV6, IPV6_V6ONLY)) return system_error();
  const socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return system_error();
  return fd;
}

// SO_REUSEPORT would let a second daemon of the same user take half of the connections without a word. A socket without
// it finds that out: binding it fails while anybody else listens there.
std::expected<bool, std::string> ensure_free(const sockaddr_storage& address) {
  auto probe = bind_socket(address, false);
  if (!probe) return std::unexpected(probe.error());
  return true;
}

std::expected<Sockets, std::string> open_sockets(const sockaddr_storage& address, unsigned count) {
  Sockets sockets;
  for (unsigned i = 0; i < count; ++i) {
    auto fd = bind_socket(address, true);
    if (!fd) return std::unexpected(fd.error());
    if (::listen(fd->get(), kBacklog) != 0) return system_error();
    sockets.push_back(std::move(*fd));
  }
  return sockets;
}

std::expected<Sockets, std::string> duplicate(const Sockets& sockets) {
  Sockets copies;
  for (const auto& socket : sockets) {
    copies.emplace_back(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 3));
    if (!copies.back()) return system_error();
  }
  return copies;
}

// One a worker, or all there are: a socket of an SO_REUSEPORT group that nobody watches would swallow its share of the
// connections. Fewer sockets than workers are shared.
std::expected<bool, std::string> hand_out(const Sockets& sockets, const std::string& bind,
                                          std::vector<std::vector<proxy::ListenerSocket>>& by_worker) {
  const std::size_t workers = by_worker.size();
  for (std::size_t i = 0; i < std::max(workers, sockets.size()); ++i) {
    UniqueFd copy(::fcntl(sockets[i % sockets.size()].get(), F_DUPFD_CLOEXEC, 3));
    if (!copy) return system_error();
    by_worker[i % workers].push_back({.bind = bind, .fd = std::move(copy)});
  }
  return true;
}

}  // namespace

ListenerSockets::ListenerSockets(unsigned workers, std::vector<InheritedSocket> inherited) : workers_(workers) {
  for (auto& socket : inherited) inherited_[{.host = socket.host, .port = socket.port}].push_back(std::move(socket.fd));
}

std::expected<Sockets, std::string> ListenerSockets::open(const Address& address,
                                                          const sockaddr_storage& parsed) const {
  const auto found = inherited_.find({.host = canonical_host(address.host), .port = address.port});
  return found == inherited_.end() ? open_sockets(parsed, workers_) : duplicate(found->second);
}

std::expected<ListenerSockets::Plan, std::vector<ListenerSockets::BindError>> ListenerSockets::prepare(
    const std::vector<proxy::Listener>& listeners) const {
  Plan plan;
  plan.new_sockets.resize(workers_);
  std::vector<BindError> errors;
  std::set<std::uint16_t> own_ports;
  for (const auto* own : {&open_, &inherited_}) {
    for (const auto& [address, sockets] : *own) own_ports.insert(address.port);
  }

  // All are probed before any is opened: 0.0.0.0 and 127.0.0.1 may well share a port within one config.
  std::map<Address, sockaddr_storage> missing;
  for (const auto& listener : listeners) {
    const Address address{.host = listener.address, .port = listener.port};
    plan.addresses_.insert(address);
    plan.binds_.insert(listener.bind);
    if (open_.contains(address) || missing.contains(address)) continue;
    const auto parsed = parse(address);
    const auto is_free = !parsed                            ? std::unexpected(parsed.error())
                         : own_ports.contains(address.port) ? std::expected<bool, std::string>(true)
                                                            : ensure_free(*parsed);
    if (is_free) {
      missing.emplace(address, *parsed);
    } else {
      errors.push_back({.bind = listener.bind, .message = is_free.error()});
    }
  }
  for (const auto& listener : listeners) {
    const Address address{.host = listener.address, .port = listener.port};
    if (const auto found = missing.find(address); found != missing.end() && !plan.opened_.contains(address)) {
      auto sockets = open(address, found->second);
      if (!sockets) {
        errors.push_back({.bind = listener.bind, .message = sockets.error()});
        missing.erase(found);
        continue;
      }
      plan.opened_.emplace(address, std::move(*sockets));
    }
    if (binds_.contains(listener.bind)) continue;
    const auto known = open_.find(address);
    const auto opened = plan.opened_.find(address);
    if (known == open_.end() && opened == plan.opened_.end()) continue;  // its error is noted
    const Sockets& sockets = known != open_.end() ? known->second : opened->second;
    if (const auto given = hand_out(sockets, listener.bind, plan.new_sockets); !given) {
      errors.push_back({.bind = listener.bind, .message = given.error()});
    }
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return plan;
}

void ListenerSockets::commit(Plan plan) {
  for (auto it = open_.begin(); it != open_.end();) {
    if (plan.addresses_.contains(it->first)) {
      ++it;
    } else {
      retired_.push_back(std::move(it->second));
      it = open_.erase(it);
    }
  }
  open_.merge(plan.opened_);
  inherited_.clear();
  binds_ = std::move(plan.binds_);
}

void ListenerSockets::close_all() {
  retired_.clear();
  open_.clear();
  binds_.clear();
}

}  // namespace gateway::gatewayd
