#include "tls/session_cache.h"

#include <algorithm>
#include <cstring>

#include "tls/limits.h"

namespace gateway::tls {

std::size_t SessionCache::Hash::operator()(const SessionId* id) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, id->data(), sizeof hash);
  return hash;
}

void SessionCache::Shard::erase(Slots& slots, Slots::iterator slot) {
  by_id_.erase(&slot->session->id);
  slots.erase(slot);
}

void SessionCache::Shard::sweep(std::chrono::sys_seconds now) {
  for (Slots* slots : {&retired_, &fresh_}) {
    while (!slots->empty() && slots->front().end <= now) erase(*slots, slots->begin());
  }
}

void SessionCache::Shard::make_room(std::size_t size) {
  while (by_id_.size() > size) {
    if (!retired_.empty()) {
      erase(retired_, retired_.begin());
      continue;
    }
    erase(fresh_, fresh_.begin());
    ++evictions_;
  }
}

void SessionCache::Shard::set_capacity(std::size_t capacity) {
  const std::scoped_lock lock(mutex_);
  capacity_ = capacity;
  make_room(capacity);
}

void SessionCache::Shard::put(std::shared_ptr<const CachedSession> session, std::chrono::sys_seconds now) {
  const std::scoped_lock lock(mutex_);
  if (capacity_ == 0) return;
  sweep(now);
  if (by_id_.contains(&session->id)) return;
  make_room(capacity_ - 1);
  fresh_.push_back({.session = std::move(session), .end = {}});
  const auto slot = std::prev(fresh_.end());
  slot->end = slot->session->end;
  try {
    by_id_.emplace(&slot->session->id, slot);
  } catch (...) {
    fresh_.pop_back();
    throw;
  }
}

std::shared_ptr<const CachedSession> SessionCache::Shard::find(const SessionId& id, std::chrono::sys_seconds now) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_id_.find(&id);
  if (found == by_id_.end()) return nullptr;
  const auto slot = found->second;
  if (now < slot->end) return slot->session;
  erase(slot->retired ? retired_ : fresh_, slot);
  return nullptr;
}

void SessionCache::Shard::retire(const SessionId& id, std::chrono::sys_seconds now) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_id_.find(&id);
  if (found == by_id_.end() || found->second->retired) return;
  const auto slot = found->second;
  slot->retired = true;
  slot->end = std::min(slot->end, now + kSessionReuse);
  retired_.splice(retired_.end(), fresh_, slot);
}

void SessionCache::Shard::remove(const SessionId& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_id_.find(&id);
  if (found == by_id_.end()) return;
  const auto slot = found->second;
  erase(slot->retired ? retired_ : fresh_, slot);
}

void SessionCache::Shard::remove_ended(std::chrono::sys_seconds now) {
  const std::scoped_lock lock(mutex_);
  sweep(now);
}

void SessionCache::Shard::add_to(Stats& stats) const {
  const std::scoped_lock lock(mutex_);
  stats.sessions += by_id_.size();
  stats.capacity += capacity_;
  stats.evictions += evictions_;
}

SessionCache::SessionCache(std::size_t capacity) {
  set_capacity(capacity);
}

void SessionCache::set_capacity(std::size_t capacity) {
  // Rounded down by shards in turn, so that the parts make up the whole.
  for (std::size_t i = 0; i < kShards; ++i) shards_[i].set_capacity((capacity + i) / kShards);
}

void SessionCache::put(std::shared_ptr<const CachedSession> session, std::chrono::sys_seconds now) {
  Shard& shard = shard_of(session->id);
  shard.put(std::move(session), now);
}

std::shared_ptr<const CachedSession> SessionCache::find(const SessionId& id, std::chrono::sys_seconds now) {
  return shard_of(id).find(id, now);
}

void SessionCache::retire(const SessionId& id, std::chrono::sys_seconds now) {
  shard_of(id).retire(id, now);
}

void SessionCache::remove(const SessionId& id) {
  shard_of(id).remove(id);
}

void SessionCache::remove_ended(std::chrono::sys_seconds now) {
  for (Shard& shard : shards_) shard.remove_ended(now);
}

SessionCache::Stats SessionCache::stats() const {
  Stats stats;
  for (const Shard& shard : shards_) shard.add_to(stats);
  return stats;
}

}  // namespace gateway::tls
