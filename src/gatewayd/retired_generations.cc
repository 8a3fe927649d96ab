#include "gatewayd/retired_generations.h"

#include <utility>

namespace gateway::gatewayd {

RetiredGenerations::RetiredGenerations(core::EventLoop& loop) : look_(loop, [this] { release(); }) {}

void RetiredGenerations::add(std::shared_ptr<const void> object) {
  if (!object) return;
  objects_.push_back(std::move(object));
  if (!look_.is_active()) look_.start(kLookInterval, kLookInterval);
}

void RetiredGenerations::release() {
  // Nobody can take a new share of what is held here alone.
  std::erase_if(objects_, [](const auto& object) { return object.use_count() == 1; });
  if (objects_.empty()) look_.stop();
}

}  // namespace gateway::gatewayd
