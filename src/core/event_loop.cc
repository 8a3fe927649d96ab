#include "core/event_loop.h"

namespace gateway::core {

TurnEndTask::~TurnEndTask() {
  if (queued_in_ != nullptr) queued_in_->tasks_[slot_] = nullptr;
}

EventLoop::EventLoop() : read_scratch_(std::make_unique<std::array<char, kReadScratchBytes>>()) {
  if (uv_loop_init(&loop_) != 0) broken_invariant("uv_loop_init failed");
  prepare_.init([&](uv_prepare_t* handle) { return uv_prepare_init(&loop_, handle); }, this);
  check_.init([&](uv_check_t* handle) { return uv_check_init(&loop_, handle); }, this);
  // Timers and messages run before prepare, socket events before check: both are ends of a turn.
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* handle) {
    if (auto* self = UvHandle<uv_prepare_t>::owner<EventLoop>(handle)) self->end_turn();
  });
  uv_check_start(check_.get(), [](uv_check_t* handle) {
    if (auto* self = UvHandle<uv_check_t>::owner<EventLoop>(handle)) self->end_turn();
  });
  uv_unref(prepare_.base());
  uv_unref(check_.base());
}

EventLoop::~EventLoop() {
  prepare_.close();
  check_.close();
  // First the retired: a task among them takes itself out of the queue.
  retired_.clear();
  tasks_.clear();
  uv_run(&loop_, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop_) != 0) broken_invariant("a handle outlived its event loop");
}

void EventLoop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
  end_turn();
}

void EventLoop::at_turn_end(TurnEndTask& task) {
  if (task.queued_in_ != nullptr) return;
  task.queued_in_ = this;
  task.slot_ = tasks_.size();
  tasks_.push_back(&task);
}

void EventLoop::end_turn() {
  // A task may queue another one: the vector can grow while it is walked.
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    TurnEndTask* task = tasks_[i];
    if (task == nullptr) continue;
    task->queued_in_ = nullptr;
    tasks_[i] = nullptr;
    task->at_turn_end();
  }
  tasks_.clear();
  while (!retired_.empty()) {
    dying_.swap(retired_);
    dying_.clear();
  }
}

}  // namespace gateway::core
