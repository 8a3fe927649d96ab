#include "core/deadline_wheel.h"

namespace gateway::core {

void Deadline::set(Milliseconds from_now) {
  cancel();
  wheel_.insert(*this, from_now);
}

void Deadline::cancel() {
  if (is_set()) wheel_.remove(*this);
}

DeadlineWheel::DeadlineWheel(EventLoop& loop) : loop_(loop) {
  timer_.init([&](uv_timer_t* handle) { return uv_timer_init(loop.get(), handle); }, this);
  slices_.init([&](uv_idle_t* handle) { return uv_idle_init(loop.get(), handle); }, this);
  last_tick_ = current_tick();
}

DeadlineWheel::~DeadlineWheel() {
  if (count_ != 0) broken_invariant("a deadline outlived its wheel");
}

std::uint64_t DeadlineWheel::current_tick() const {
  return loop_.now() / static_cast<std::uint64_t>(kTick.count());
}

void DeadlineWheel::insert(Deadline& deadline, Milliseconds from_now) {
  const auto tick_ms = static_cast<std::uint64_t>(kTick.count());
  if (count_++ == 0) {
    last_tick_ = current_tick();
    uv_timer_start(
        timer_.get(),
        [](uv_timer_t* handle) {
          if (auto* self = UvHandle<uv_timer_t>::owner<DeadlineWheel>(handle)) self->begin_slices();
        },
        tick_ms, tick_ms);
  }
  const auto delay = from_now.count() < 0 ? 0 : static_cast<std::uint64_t>(from_now.count());
  deadline.tick_ = (loop_.now() + delay) / tick_ms + 1;
  // A ring: a single node points to itself.
  Deadline*& head = slot(deadline.tick_);
  if (head == nullptr) {
    deadline.next_ = deadline.previous_ = &deadline;
    head = &deadline;
    return;
  }
  deadline.next_ = head;
  deadline.previous_ = head->previous_;
  head->previous_->next_ = &deadline;
  head->previous_ = &deadline;
}

void DeadlineWheel::remove(Deadline& deadline) {
  Deadline*& head = slot(deadline.tick_);
  if (deadline.next_ == &deadline) {
    head = nullptr;
  } else {
    deadline.next_->previous_ = deadline.previous_;
    deadline.previous_->next_ = deadline.next_;
    if (head == &deadline) head = deadline.next_;
  }
  deadline.next_ = deadline.previous_ = nullptr;
  if (--count_ != 0) return;
  uv_timer_stop(timer_.get());
  uv_idle_stop(slices_.get());
}

void DeadlineWheel::begin_slices() {
  uv_idle_start(slices_.get(), [](uv_idle_t* handle) {
    if (auto* self = UvHandle<uv_idle_t>::owner<DeadlineWheel>(handle)) self->advance();
  });
}

void DeadlineWheel::advance() {
  const std::uint64_t now = current_tick();
  // After a long stall every slot needs one visit, not one a tick.
  if (now - last_tick_ > kSlots) last_tick_ = now - kSlots;
  std::size_t room = kMostAtOnce;
  while (last_tick_ < now) {
    // Counted up first: a callback may find the wheel empty and begin it anew, from the tick of now.
    const std::uint64_t tick = ++last_tick_;
    if (expire_slot(tick, room)) continue;
    last_tick_ = tick - 1;
    return;
  }
  uv_idle_stop(slices_.get());
}

bool DeadlineWheel::expire_slot(std::uint64_t tick, std::size_t& room) {
  // A callback may set or cancel any deadline, so start over from the head after each; what is due later stays in the
  // slot.
  for (;;) {
    Deadline* const head = slot(tick);
    if (head == nullptr) return true;
    Deadline* due = head;
    while (due->tick_ > tick) {
      due = due->next_;
      if (due == head) return true;
    }
    if (room == 0) return false;
    --room;
    remove(*due);
    due->on_expired_();
  }
}

}  // namespace gateway::core
