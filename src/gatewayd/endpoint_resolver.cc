#include "gatewayd/endpoint_resolver.h"

#include <netdb.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "core/log.h"

namespace gateway::gatewayd {
namespace {

constexpr std::size_t kMaxAddresses = 64;  // of one name

bool same(const sockaddr_storage& a, const sockaddr_storage& b) {
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

// Name servers rotate their answers: another order is no change.
bool same_set(const EndpointResolver::Addresses& a, const EndpointResolver::Addresses& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const auto& address) {
           return std::ranges::any_of(b, [&](const auto& other) { return same(address, other); });
         });
}

EndpointResolver::Addresses take_addresses(const addrinfo* list) {
  EndpointResolver::Addresses addresses;
  for (; list != nullptr && addresses.size() < kMaxAddresses; list = list->ai_next) {
    if (list->ai_addr == nullptr || (list->ai_family != AF_INET && list->ai_family != AF_INET6)) continue;
    sockaddr_storage address{};
    std::memcpy(&address, list->ai_addr, std::min<std::size_t>(list->ai_addrlen, sizeof(address)));
    if (std::ranges::none_of(addresses, [&](const auto& known) { return same(known, address); })) {
      addresses.push_back(address);
    }
  }
  return addresses;
}

}  // namespace

// Outlives the resolver if it must: libuv can't take a running look-up back.
struct EndpointResolver::Lookup {
  uv_getaddrinfo_t request{};
  EndpointResolver* resolver = nullptr;  // null once it has died
  std::string name;
};

EndpointResolver::EndpointResolver(core::EventLoop& loop, std::function<void()> on_change)
    : loop_(loop), on_change_(std::move(on_change)), interval_(loop, [this] { look_up_all(); }) {
  interval_.start(core::kResolveInterval, core::kResolveInterval);
}

EndpointResolver::~EndpointResolver() {
  for (const auto& [name, lookup] : running_) {
    lookup->resolver = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&lookup->request));
  }
}

void EndpointResolver::watch(const std::set<std::string>& names) {
  std::erase_if(names_, [&](const auto& known) { return !names.contains(known.first); });
  for (const auto& name : names) {
    if (names_.try_emplace(name).second) look_up(name);
  }
}

bool EndpointResolver::all_tried() const {
  return std::ranges::all_of(names_, [](const auto& name) { return name.second.tried; });
}

const EndpointResolver::Addresses& EndpointResolver::find(const std::string& name) const {
  static const Addresses kNone;
  const auto found = names_.find(name);
  return found == names_.end() ? kNone : found->second.addresses;
}

void EndpointResolver::look_up_all() {
  for (const auto& [name, state] : names_) look_up(name);
}

void EndpointResolver::look_up(const std::string& name) {
  if (running_.contains(name)) return;
  auto lookup = std::make_unique<Lookup>();
  lookup->resolver = this;
  lookup->name = name;
  lookup->request.data = lookup.get();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const int status = uv_getaddrinfo(
      loop_.get(), &lookup->request,
      [](uv_getaddrinfo_t* request, int result, addrinfo* list) {
        const std::unique_ptr<Lookup> done(static_cast<Lookup*>(request->data));
        auto addresses = take_addresses(list);
        uv_freeaddrinfo(list);
        if (done->resolver == nullptr) return;
        done->resolver->running_.erase(done->name);
        done->resolver->on_result(done->name, result, std::move(addresses));
      },
      name.c_str(), nullptr, &hints);
  if (status == 0) {
    running_.emplace(name, lookup.release());
  } else {
    names_[name].tried = true;
    core::log_event(core::LogLevel::warning, "endpoint name could not be looked up",
                    {{"name", name}, {"detail", uv_strerror(status)}});
  }
}

void EndpointResolver::on_result(const std::string& name, int status, Addresses addresses) {
  const auto found = names_.find(name);
  if (found == names_.end()) return;
  Name& state = found->second;
  const bool first = !std::exchange(state.tried, true);
  const bool failed = status != 0 || addresses.empty();
  if (failed && !state.failing) {
    core::log_event(core::LogLevel::warning, "endpoint name does not resolve",
                    {{"name", name},
                     {"detail", status != 0 ? uv_strerror(status) : "no addresses"},
                     {"kept_addresses", static_cast<std::int64_t>(state.addresses.size())}});
  } else if (!failed && state.failing) {
    core::log_event(core::LogLevel::info, "endpoint name resolves again", {{"name", name}});
  }
  state.failing = failed;
  const bool changed = !failed && !same_set(state.addresses, addresses);
  if (changed) state.addresses = std::move(addresses);
  if (first || changed) on_change_();
}

}  // namespace gateway::gatewayd
