#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "core/event_loop.h"

namespace gateway::core {

class DeadlineWheel;

// A point in time at which `on_expired` is called once, never early, and kTick late at the most unless very many are
// due at once. A member of what it guards: its destructor cancels. Setting and cancelling are O(1).
class Deadline {
 public:
  using Callback = std::move_only_function<void()>;
  Deadline(DeadlineWheel& wheel, Callback on_expired) : wheel_(wheel), on_expired_(std::move(on_expired)) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { cancel(); }

  void set(Milliseconds from_now);
  void cancel();
  [[nodiscard]] bool is_set() const { return next_ != nullptr; }

 private:
  friend class DeadlineWheel;
  DeadlineWheel& wheel_;
  Callback on_expired_;
  std::uint64_t tick_ = 0;
  Deadline* next_ = nullptr;
  Deadline* previous_ = nullptr;
};

// All deadlines of one loop on one uv_timer, which runs only while there are any. However many are due at once, one
// turn of the loop serves kMostAtOnce of them: ten thousand idle connections that end together must not keep others
// waiting.
class DeadlineWheel {
 public:
  static constexpr std::size_t kMostAtOnce = 32;

  explicit DeadlineWheel(EventLoop& loop);
  ~DeadlineWheel();
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

 private:
  friend class Deadline;
  static constexpr std::size_t kSlots = 2048;

  void insert(Deadline& deadline, Milliseconds from_now);
  void remove(Deadline& deadline);
  void begin_slices();
  void advance();
  // False once `room` callbacks were called and more are due.
  bool expire_slot(std::uint64_t tick, std::size_t& room);
  [[nodiscard]] std::uint64_t current_tick() const;
  Deadline*& slot(std::uint64_t tick) { return slots_[tick % kSlots]; }

  EventLoop& loop_;
  UvHandle<uv_timer_t> timer_;
  UvHandle<uv_idle_t> slices_;  // runs from a tick until nothing that is due is left
  std::array<Deadline*, kSlots> slots_{};
  std::uint64_t last_tick_ = 0;
  std::size_t count_ = 0;
};

}  // namespace gateway::core
