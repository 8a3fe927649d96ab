#pragma once

#include <uv.h>

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "core/uv_handle.h"

namespace gateway::core {

// The only door between threads: messages are posted from any thread and handled, in order, on the loop's thread. Must
// be constructed and destroyed on the loop's thread (or before and after the loop runs). The receiver outlives every
// sender's use.
template <typename Message>
class Mailbox {
 public:
  using Handler = std::move_only_function<void(Message&&)>;

  Mailbox(uv_loop_t* loop, Handler handler) : handler_(std::move(handler)) {
    async_.init([&](uv_async_t* handle) { return uv_async_init(loop, handle, &Mailbox::on_wake); }, this);
  }

  // Any thread. uv_async coalesces wake-ups, so the whole queue is taken at each.
  void post(Message message) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(message));
    }
    uv_async_send(async_.get());
  }

  // Lets the loop end although the mailbox still exists.
  void unref() { uv_unref(reinterpret_cast<uv_handle_t*>(async_.get())); }

 private:
  static void on_wake(uv_async_t* handle) noexcept {
    if (auto* self = UvHandle<uv_async_t>::owner<Mailbox>(handle)) self->drain();
  }

  void drain() {
    std::vector<Message> messages;
    {
      const std::lock_guard lock(mutex_);
      messages.swap(queue_);
    }
    for (auto& message : messages) handler_(std::move(message));
  }

  Handler handler_;
  std::mutex mutex_;
  std::vector<Message> queue_;
  UvHandle<uv_async_t> async_;
};

}  // namespace gateway::core
