#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "core/unique_fd.h"

namespace gateway::gatewayd {

// What a service manager is told, as sd_notify(3) has it: one datagram a message to $NOTIFY_SOCKET. Never blocks and
// never fails: without a socket every call does nothing, a socket that takes nothing is worth one warning. Control
// thread only.
class ServiceNotifier {
 public:
  // `address`: a path, or "@NAME" for an abstract socket; "" for nobody who listens.
  explicit ServiceNotifier(std::string address);
  // Of $NOTIFY_SOCKET, which is taken out of the environment: no other program shall speak for us. Before any thread.
  static ServiceNotifier from_environment();

  // `message`: lines of KEY=VALUE. One that the manager's full queue does not take waits for flush().
  void send(std::string message);
  // Tries again what waits, in order. The newest kMostWaiting are kept.
  void flush();
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }

  // "STATUS=…": one line of UTF-8 whatever `text` holds, cut to what a manager takes.
  static std::string status(std::string_view text);

 private:
  static constexpr std::size_t kMostWaiting = 32;
  enum class Sent { yes, later, never };

  Sent try_send(const std::string& message);
  void warn_once(std::string_view detail);

  std::string address_;
  core::UniqueFd fd_;
  std::deque<std::string> waiting_;
  bool warned_ = false;
};

}  // namespace gateway::gatewayd
