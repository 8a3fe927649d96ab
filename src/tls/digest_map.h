#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>

#include "core/peer_identity.h"
#include "tls/sha256_hash.h"

namespace gateway::tls {

// Values by digest, bounded: whoever was not asked for the longest time leaves first. One thread.
template <typename Value>
class DigestMap {
 public:
  explicit DigestMap(std::size_t capacity) : capacity_(capacity) {}

  // Null if there is none. Valid until the next change.
  Value* find(const core::Sha256& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.end(), order_, found->second);
    return &found->second->second;
  }
  // Takes the place of what was there under `key`. `evicted` is shown what leaves for want of room.
  template <typename Evicted>
  Value& put(const core::Sha256& key, Value value, Evicted evicted) {
    erase(key, [](const Value&) {});
    while (!order_.empty() && places_.size() >= capacity_) {
      const core::Sha256 oldest = order_.front().first;
      erase(oldest, evicted);
    }
    Order one;
    one.emplace_back(key, std::move(value));
    places_.emplace(key, one.begin());
    order_.splice(order_.end(), one);
    return order_.back().second;
  }
  template <typename Evicted>
  void erase(const core::Sha256& key, Evicted evicted) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    evicted(found->second->second);
    order_.erase(found->second);
    places_.erase(found);
  }
  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  using Order = std::list<std::pair<core::Sha256, Value>>;  // the front was not asked for the longest time
  std::size_t capacity_;
  Order order_;
  std::unordered_map<core::Sha256, typename Order::iterator, Sha256Hash> places_;
};

}  // namespace gateway::tls
