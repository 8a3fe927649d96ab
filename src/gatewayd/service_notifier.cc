#include "gatewayd/service_notifier.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/log.h"

namespace gateway::gatewayd {
namespace {

// systemd reads 4096 bytes of a message; what a person reads of a status is shorter.
constexpr std::size_t kStatusBytes = 1024;

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

ServiceNotifier::ServiceNotifier(std::string address) : address_(std::move(address)) {
  if (address_.empty()) return;
  const bool usable = (address_.front() == '/' || address_.front() == '@') && address_.size() > 1 &&
                      address_.size() < sizeof(sockaddr_un::sun_path);
  if (!usable) {
    warn_once("neither a path nor an abstract name of at most 107 bytes");
    return;
  }
  fd_ = core::UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_) warn_once(std::strerror(errno));
}

ServiceNotifier ServiceNotifier::from_environment() {
  const char* const set = std::getenv("NOTIFY_SOCKET");
  std::string address = set != nullptr ? set : "";
  ::unsetenv("NOTIFY_SOCKET");
  return ServiceNotifier(std::move(address));
}

void ServiceNotifier::send(std::string message) {
  if (!fd_) return;
  if (waiting_.empty() && try_send(message) != Sent::later) return;
  // Keep-alives that pile up say no more than one.
  if (!waiting_.empty() && waiting_.back() == message) return;
  waiting_.push_back(std::move(message));
  if (waiting_.size() > kMostWaiting) waiting_.pop_front();
}

void ServiceNotifier::flush() {
  while (!waiting_.empty() && try_send(waiting_.front()) != Sent::later) waiting_.pop_front();
}

ServiceNotifier::Sent ServiceNotifier::try_send(const std::string& message) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<void*>(address.sun_path), address_.data(), address_.size());
  const bool abstract = address_.front() == '@';
  if (abstract) address.sun_path[0] = '\0';
  // An abstract name is exactly as long as given, a path ends with its zero byte.
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size() + static_cast<std::size_t>(!abstract));
  while (::sendto(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS) return Sent::later;
    warn_once(std::strerror(errno));
    return Sent::never;
  }
  return Sent::yes;
}

void ServiceNotifier::warn_once(std::string_view detail) {
  if (std::exchange(warned_, true)) return;
  core::log_event(core::LogLevel::warning, "the service manager can't be told anything",
                  {{"notify_socket", address_}, {"detail", detail}});
}

std::string ServiceNotifier::status(std::string_view text) {
  std::string line = "STATUS=" + core::one_line(text);
  if (line.size() <= kStatusBytes) return line;
  std::size_t end = kStatusBytes;
  while (is_continuation(line[end])) --end;
  line.resize(end);
  return line;
}

}  // namespace gateway::gatewayd
