#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/event_loop.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// What the workers have been told to leave: snapshots and contexts. It is held here until nobody else holds it, so that
// it is freed on this thread: ten thousand hosts are more than a worker could free between two requests. Control thread
// only.
class RetiredGenerations {
 public:
  static constexpr core::Milliseconds kLookInterval{1'000};

  explicit RetiredGenerations(core::EventLoop& loop);

  // Null is nothing. Whoever else holds `object` must be able to let go of it at any time, and not take it up again.
  void add(std::shared_ptr<const void> object);
  // Frees what is held here alone. Called by itself, too.
  void release();
  [[nodiscard]] std::size_t size() const { return objects_.size(); }

 private:
  std::vector<std::shared_ptr<const void>> objects_;
  Timer look_;
};

}  // namespace gateway::gatewayd
