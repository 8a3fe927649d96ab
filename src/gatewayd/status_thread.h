#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

#include "core/event_loop.h"
#include "core/mailbox.h"
#include "gatewayd/status_message.h"

namespace gateway::gatewayd {

class StatusServices;

// The thread that asks others for the status of certificates: CRL distributors, OCSP responders. They may be slow or
// dead, so neither a worker nor the control thread waits for them. Started and stopped by the supervisor; post() from
// any thread.
class StatusThread {
 public:
  // `report` is called on the thread.
  explicit StatusThread(std::function<void(StatusReport)> report);
  // Stops. Waits for name look-ups that libuv still has: ask running_lookups() first.
  ~StatusThread();
  StatusThread(const StatusThread&) = delete;
  StatusThread& operator=(const StatusThread&) = delete;

  void start();
  // What comes before start() waits for it; what comes after stop() is never handled.
  void post(StatusMessage message) { mailbox_.post(std::move(message)); }
  // Cancels whatever is under way and joins the thread; nothing is sent to anybody afterwards. May be called twice.
  void stop();

  // After stop(): name look-ups that can't be taken back. A name server that does not answer would hold the destructor
  // for as long as it likes.
  [[nodiscard]] std::size_t running_lookups() const { return running_lookups_; }

 private:
  void run();

  std::function<void(StatusReport)> report_;
  core::EventLoop loop_;
  StatusServices* services_ = nullptr;  // the thread's; null when it does not run
  core::Mailbox<StatusMessage> mailbox_;
  std::thread thread_;
  std::size_t running_lookups_ = 0;
};

}  // namespace gateway::gatewayd
