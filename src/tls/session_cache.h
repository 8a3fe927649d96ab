#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/secret.h"
#include "tls/judge.h"

namespace gateway::tls {

inline constexpr std::size_t kSessionIdBytes = 32;
using SessionId = std::array<unsigned char, kSessionIdBytes>;

// A session that its client may resume, as plain data: OpenSSL's objects belong to one worker's library context.
struct CachedSession {
  SessionId id{};                            // random; all that the client is given
  core::Secret der;                          // i2d_SSL_SESSION's, without the client's certificate
  std::shared_ptr<const VerifiedPeer> peer;  // whom the full handshake proved; null: an anonymous client
  std::chrono::sys_seconds end{};            // not resumable from then on
};

// The sessions of all workers by their ids, bounded: the oldest makes room. Safe on any thread. Nothing in here is a
// verdict: what is found must be judged as of now (judge_session).
class SessionCache {
 public:
  explicit SessionCache(std::size_t capacity);

  // Sessions, not bytes. A smaller one lets the oldest go at once; with 0 nothing is kept.
  void set_capacity(std::size_t capacity);
  void put(std::shared_ptr<const CachedSession> session, std::chrono::sys_seconds now);
  // Null if there is none that lives.
  [[nodiscard]] std::shared_ptr<const CachedSession> find(const SessionId& id, std::chrono::sys_seconds now);
  // A TLS 1.3 session has been used, and its client gets another: it goes first, and kSessionReuse from now at the
  // latest.
  void retire(const SessionId& id, std::chrono::sys_seconds now);
  void remove(const SessionId& id);
  // Lets go what has ended, but for what ends before an older one.
  void remove_ended(std::chrono::sys_seconds now);

  struct Stats {
    std::size_t sessions = 0;     // kept now
    std::size_t capacity = 0;     //
    std::uint64_t evictions = 0;  // of sessions that lived and were not used, since the start
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Slot {
    std::shared_ptr<const CachedSession> session;
    std::chrono::sys_seconds end;
    bool retired = false;
  };
  using Slots = std::list<Slot>;  // the oldest first
  // Ids are random and chosen by us, so that any part of them is a hash.
  struct Hash {
    std::size_t operator()(const SessionId* id) const noexcept;
  };
  struct Same {
    bool operator()(const SessionId* a, const SessionId* b) const noexcept { return *a == *b; }
  };
  // What one mutex guards: a part of the ids.
  class Shard {
   public:
    void set_capacity(std::size_t capacity);
    void put(std::shared_ptr<const CachedSession> session, std::chrono::sys_seconds now);
    std::shared_ptr<const CachedSession> find(const SessionId& id, std::chrono::sys_seconds now);
    void retire(const SessionId& id, std::chrono::sys_seconds now);
    void remove(const SessionId& id);
    void remove_ended(std::chrono::sys_seconds now);
    void add_to(Stats& stats) const;

   private:
    void erase(Slots& slots, Slots::iterator slot);
    void sweep(std::chrono::sys_seconds now);
    void make_room(std::size_t size);

    mutable std::mutex mutex_;
    Slots fresh_;
    Slots retired_;
    std::unordered_map<const SessionId*, Slots::iterator, Hash, Same> by_id_;  // keys point into the sessions
    std::size_t capacity_ = 0;
    std::uint64_t evictions_ = 0;
  };
  static constexpr std::size_t kShards = 16;
  Shard& shard_of(const SessionId& id) { return shards_[id.back() % kShards]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace gateway::tls
