#include "fetch/name_lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace gateway::fetch {
namespace {

constexpr std::size_t kMaxAddresses = 8;  // one deadline is shared by all of them

void set_port(sockaddr_storage& address, std::uint16_t port) {
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
}

std::vector<sockaddr_storage> take_addresses(const addrinfo* list, std::uint16_t port) {
  std::vector<sockaddr_storage> addresses;
  for (; list != nullptr && addresses.size() < kMaxAddresses; list = list->ai_next) {
    if (list->ai_addr == nullptr || (list->ai_family != AF_INET && list->ai_family != AF_INET6)) continue;
    sockaddr_storage address{};
    std::memcpy(&address, list->ai_addr, std::min<std::size_t>(list->ai_addrlen, sizeof(address)));
    set_port(address, port);
    const auto same = [&](const auto& known) { return std::memcmp(&known, &address, sizeof(address)) == 0; };
    if (std::ranges::none_of(addresses, same)) addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

// Outlives the NameLookup if it must: libuv can't take a running look-up back.
struct NameLookup::Request {
  uv_getaddrinfo_t request{};
  NameLookup* owner = nullptr;  // null once it has been cancelled
  std::uint16_t port = 0;
  std::shared_ptr<std::size_t> running;
  Callback callback;
};

int NameLookup::start(core::EventLoop& loop, const std::string& host, std::uint16_t port,
                      const std::shared_ptr<std::size_t>& running, Callback callback) {
  cancel();
  auto request = std::make_unique<Request>();
  request->owner = this;
  request->port = port;
  request->running = running;
  request->callback = std::move(callback);
  request->request.data = request.get();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const int status = uv_getaddrinfo(
      loop.get(), &request->request,
      [](uv_getaddrinfo_t* done, int result, addrinfo* list) {
        const std::unique_ptr<Request> owned(static_cast<Request*>(done->data));
        auto addresses = take_addresses(list, owned->port);
        uv_freeaddrinfo(list);
        --*owned->running;
        if (owned->owner == nullptr) return;
        owned->owner->request_ = nullptr;
        owned->callback(result, std::move(addresses));
      },
      host.c_str(), nullptr, &hints);
  if (status != 0) return status;
  ++*running;
  request_ = request.release();
  return 0;
}

void NameLookup::cancel() {
  if (request_ == nullptr) return;
  request_->owner = nullptr;
  request_->callback = {};
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->request));
  request_ = nullptr;
}

std::vector<sockaddr_storage> NameLookup::literal(const std::string& host, std::uint16_t port) {
  sockaddr_storage address{};
  const bool v6 = host.starts_with('[');
  const int status =
      v6 ? uv_ip6_addr(host.substr(1, host.size() - 2).c_str(), port, reinterpret_cast<sockaddr_in6*>(&address))
         : uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&address));
  if (status != 0) return {};
  return {address};
}

}  // namespace gateway::fetch
