#include "gatewayd/inherited_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "core/ip_address.h"
#include "core/log.h"

namespace gateway::gatewayd {
namespace {

using core::UniqueFd;

constexpr int kFirst = 3;  // behind the standard streams
constexpr int kMost = 1024;

std::optional<std::string> take_variable(const char* name) {
  const char* const set = std::getenv(name);
  if (set == nullptr) return std::nullopt;
  std::string text = set;
  ::unsetenv(name);
  return text;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<core::Error> failure(std::string detail) {
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(detail));
}

// The names of $LISTEN_FDNAMES are for messages only: an address is what a bind has.
std::string_view name_of(std::string_view names, int index) {
  for (; index > 0; --index) {
    const auto colon = names.find(':');
    if (colon == std::string_view::npos) return {};
    names.remove_prefix(colon + 1);
  }
  return names.substr(0, names.find(':'));
}

std::optional<int> option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) return std::nullopt;
  return value;
}

// What is wrong with it; "" for a listening TCP socket.
std::string fault_of(int fd) {
  const auto domain = option(fd, SO_DOMAIN);
  if (!domain) return errno == EBADF ? "is not open" : "is not a socket";
  if (*domain == AF_UNIX) return "is a Unix socket";
  if (*domain != AF_INET && *domain != AF_INET6) return "is no TCP socket";
  if (option(fd, SO_TYPE) == SOCK_DGRAM) return "is a UDP socket";
  if (option(fd, SO_TYPE) != SOCK_STREAM || option(fd, SO_PROTOCOL) != IPPROTO_TCP) return "is no TCP socket";
  if (option(fd, SO_ACCEPTCONN) != 1) return "does not listen (a .socket unit with Accept=yes?)";
  return {};
}

core::Result<InheritedSocket> examine(UniqueFd fd, const std::string& what) {
  if (const std::string fault = fault_of(fd.get()); !fault.empty()) {
    return failure(what + ' ' + fault + "; gatewayd takes listening TCP sockets");
  }
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  const bool known = ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) == 0 &&
                     ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const auto ip = core::IpAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&address));
  if (!known || !ip) return failure(what + ": " + std::strerror(errno));
  const std::uint16_t port =
      ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                          : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  return InheritedSocket{.host = ip->to_string(), .port = port, .fd = std::move(fd)};
}

}  // namespace

core::Result<std::vector<InheritedSocket>> take_inherited_sockets() {
  const auto pid = take_variable("LISTEN_PID");
  const auto count_text = take_variable("LISTEN_FDS");
  const auto names = take_variable("LISTEN_FDNAMES").value_or("");
  std::vector<InheritedSocket> sockets;
  // Another process was meant, and its variables came down to us.
  if (!pid || !count_text || number(*pid) != ::getpid()) return sockets;
  const auto count = number(*count_text);
  if (!count || *count < 0 || *count > kMost) {
    return failure("LISTEN_FDS is '" + *count_text + "', not a number up to " + std::to_string(kMost));
  }
  for (int i = 0; i < *count; ++i) {
    std::string what = "inherited descriptor " + std::to_string(kFirst + i);
    if (const auto name = name_of(names, i); !name.empty()) what += " (" + std::string(name) + ')';
    TRY(auto socket, examine(UniqueFd(kFirst + i), what));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

std::string canonical_host(const std::string& literal_ip) {
  const auto ip = core::IpAddress::parse(literal_ip);
  return ip ? ip->to_string() : literal_ip;
}

void drop_unwanted(std::vector<InheritedSocket>& sockets, const std::vector<proxy::Listener>& listeners) {
  std::erase_if(sockets, [&](const InheritedSocket& socket) {
    const bool wanted = std::ranges::any_of(listeners, [&](const proxy::Listener& listener) {
      return listener.port == socket.port && canonical_host(listener.address) == socket.host;
    });
    if (!wanted) {
      const bool v6 = socket.host.find(':') != std::string::npos;
      const std::string address = (v6 ? '[' + socket.host + ']' : socket.host) + ':' + std::to_string(socket.port);
      core::log_event(core::LogLevel::warning, "an inherited socket is closed: no listener binds its address",
                      {{"address", std::string_view(address)}});
    }
    return !wanted;
  });
}

}  // namespace gateway::gatewayd
