#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <utility>

#include "core/event_loop.h"

namespace gateway::gatewayd {

// Something that takes a while, on libuv's thread pool. Dying cuts the way back: `done` is not called then, though the
// work goes on, so it must own whatever it touches; the loop can't end before it has. Used on the loop's thread; may
// die within `done`.
class BackgroundWork {
 public:
  using Work = std::move_only_function<void()>;

  BackgroundWork(core::EventLoop& loop, Work work, Work done) : request_(new Request) {
    request_->work = std::move(work);
    request_->done = std::move(done);
    request_->owner = this;
    request_->request.data = request_;
    const int status = uv_queue_work(
        loop.get(), &request_->request, [](uv_work_t* running) { static_cast<Request*>(running->data)->work(); },
        [](uv_work_t* finished, int) {
          const std::unique_ptr<Request> owned(static_cast<Request*>(finished->data));
          if (owned->owner == nullptr) return;
          owned->owner->request_ = nullptr;
          owned->done();
        });
    if (status != 0) core::broken_invariant("uv_queue_work failed");
  }
  ~BackgroundWork() {
    if (request_ != nullptr) request_->owner = nullptr;
  }
  BackgroundWork(const BackgroundWork&) = delete;
  BackgroundWork& operator=(const BackgroundWork&) = delete;

 private:
  struct Request {
    uv_work_t request{};
    Work work;
    Work done;
    BackgroundWork* owner = nullptr;  // null once it has died
  };
  Request* request_;  // owned by libuv until its callback
};

}  // namespace gateway::gatewayd
