#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/buffer_pool.h"
#include "core/limits.h"
#include "core/uv_handle.h"

namespace gateway::core {

// Something that may be asked to die while its own methods are still on the stack: it is handed to EventLoop::retire().
class Retirable {
 public:
  virtual ~Retirable() = default;
};

class EventLoop;

// Something that has work for the end of the loop's turn, such as output to send in one write. Leaves the queue when it
// dies.
class TurnEndTask {
 public:
  TurnEndTask() = default;
  TurnEndTask(const TurnEndTask&) = delete;
  TurnEndTask& operator=(const TurnEndTask&) = delete;
  virtual ~TurnEndTask();
  virtual void at_turn_end() = 0;

 private:
  friend class EventLoop;
  EventLoop* queued_in_ = nullptr;
  std::size_t slot_ = 0;
};

// One libuv loop and what every user of it shares. Owned by its thread; not thread-safe.
class EventLoop {
 public:
  EventLoop();
  // All handles must be closed by then, or be closing: runs the loop empty and checks it.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  [[nodiscard]] uv_loop_t* get() { return &loop_; }
  // Runs until stop().
  void run();
  void stop() { uv_stop(&loop_); }

  // Milliseconds of a monotonic clock, read once a turn.
  [[nodiscard]] std::uint64_t now() const { return uv_now(&loop_); }

  // Keeps `object` until the stack has unwound, then frees it.
  void retire(std::unique_ptr<Retirable> object) { retired_.push_back(std::move(object)); }

  // Calls task.at_turn_end() once, before the loop waits for events again.
  void at_turn_end(TurnEndTask& task);

  // Where every stream of this loop reads to; what is not consumed in the read callback must be copied.
  [[nodiscard]] std::array<char, kReadScratchBytes>& read_scratch() { return *read_scratch_; }
  // For what is to be sent.
  [[nodiscard]] BufferPool& buffers() { return buffers_; }

 private:
  friend class TurnEndTask;
  void end_turn();

  uv_loop_t loop_{};
  UvHandle<uv_prepare_t> prepare_;
  UvHandle<uv_check_t> check_;
  std::vector<TurnEndTask*> tasks_;
  std::vector<std::unique_ptr<Retirable>> retired_;
  std::vector<std::unique_ptr<Retirable>> dying_;  // empty but for the moment in which they die
  BufferPool buffers_;
  std::unique_ptr<std::array<char, kReadScratchBytes>> read_scratch_;
};

}  // namespace gateway::core
