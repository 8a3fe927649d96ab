#include "gatewayd/status_thread.h"

#include <pthread.h>

#include <utility>

#include "gatewayd/status_services.h"

namespace gateway::gatewayd {

StatusThread::StatusThread(std::function<void(StatusReport)> report)
    : report_(std::move(report)), mailbox_(loop_.get(), [this](StatusMessage&& message) {
        if (services_ != nullptr) services_->handle(std::move(message));
      }) {}

StatusThread::~StatusThread() {
  stop();
}

void StatusThread::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "status");
    run();
  });
}

void StatusThread::run() {
  std::shared_ptr<const std::size_t> running;
  {
    StatusServices services(loop_, report_);
    services_ = &services;
    running = services.running_lookups();
    loop_.run();
    services_ = nullptr;
  }
  // Look-ups that had not begun come back cancelled.
  uv_run(loop_.get(), UV_RUN_NOWAIT);
  running_lookups_ = *running;
}

void StatusThread::stop() {
  if (!thread_.joinable()) return;
  mailbox_.post(StopStatus{});
  thread_.join();
}

}  // namespace gateway::gatewayd
