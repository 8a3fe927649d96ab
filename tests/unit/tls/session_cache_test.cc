#include "tls/session_cache.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "tls/limits.h"

using namespace gateway;
using namespace gateway::tls;

namespace {

constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1'900'000'000)};
constexpr std::chrono::hours kLife{1};

SessionId id_of(unsigned number) {
  SessionId id{};
  for (std::size_t i = 0; i < sizeof number; ++i) {
    id[i] = id[id.size() - 1 - i] = static_cast<unsigned char>(number >> 8 * i);
  }
  return id;
}

std::shared_ptr<const CachedSession> session(unsigned number, std::chrono::sys_seconds end = kNow + kLife) {
  auto made = std::make_shared<CachedSession>();
  made->id = id_of(number);
  made->der = core::Secret("a session");
  made->end = end;
  return made;
}

bool has(SessionCache& cache, unsigned number, std::chrono::sys_seconds now = kNow) {
  return cache.find(id_of(number), now) != nullptr;
}

}  // namespace

TEST_CASE("a session is found by its whole id, and until its end") {
  SessionCache cache(100);
  const auto kept = session(7);
  cache.put(kept, kNow);
  CHECK(cache.find(id_of(7), kNow) == kept);
  CHECK_FALSE(has(cache, 8));
  for (std::size_t byte = 0; byte < kSessionIdBytes; ++byte) {
    SessionId other = id_of(7);
    other[byte] ^= 1;
    CHECK(cache.find(other, kNow) == nullptr);
  }
  CHECK(has(cache, 7, kNow + kLife - std::chrono::seconds(1)));
  CHECK_FALSE(has(cache, 7, kNow + kLife));
  CHECK(cache.stats().sessions == 0);
  CHECK(cache.stats().evictions == 0);
}

TEST_CASE("an id stands for one session: another one with it changes nothing") {
  SessionCache cache(100);
  const auto first = session(7);
  cache.put(first, kNow);
  cache.put(session(7), kNow);
  CHECK(cache.find(id_of(7), kNow) == first);
  CHECK(cache.stats().sessions == 1);
}

TEST_CASE("a session that is removed is gone, whoever still looks at it") {
  SessionCache cache(100);
  cache.put(session(1), kNow);
  cache.put(session(2), kNow);
  cache.retire(id_of(2), kNow);
  const auto seen = cache.find(id_of(1), kNow);
  cache.remove(id_of(1));
  cache.remove(id_of(2));
  cache.remove(id_of(3));
  CHECK_FALSE(has(cache, 1));
  CHECK_FALSE(has(cache, 2));
  CHECK(seen->der.view() == "a session");
  CHECK(cache.stats().sessions == 0);
}

TEST_CASE("no flood makes it larger, and the oldest makes room") {
  for (const std::size_t capacity : {std::size_t{1}, std::size_t{5}, std::size_t{16}, std::size_t{100}}) {
    CAPTURE(capacity);
    SessionCache cache(capacity);
    CHECK(cache.stats().capacity == capacity);
    for (unsigned i = 0; i < 2000; ++i) {
      cache.put(session(i), kNow);
      REQUIRE(cache.stats().sessions <= capacity);
    }
    CHECK(cache.stats().sessions == capacity);
    unsigned found = 0;
    for (unsigned i = 0; i < 2000; ++i) found += has(cache, i) ? 1U : 0U;
    CHECK(found == capacity);
    // Ids in turn fill the shards in turn.
    if (capacity % 16 == 0) CHECK(has(cache, 1999));
    CHECK_FALSE(has(cache, 0));
  }
}

TEST_CASE("a used session goes first and soon; a second use does not prolong it") {
  SessionCache cache(32);  // two a shard
  cache.put(session(0), kNow);
  cache.put(session(16), kNow);
  cache.retire(id_of(16), kNow);
  CHECK(has(cache, 16, kNow + kSessionReuse - std::chrono::seconds(1)));
  cache.retire(id_of(16), kNow + kSessionReuse / 2);
  cache.put(session(32), kNow);
  CHECK_FALSE(has(cache, 16));
  CHECK(has(cache, 0));
  CHECK(has(cache, 32));
  CHECK(cache.stats().evictions == 0);
  cache.retire(id_of(0), kNow);
  cache.retire(id_of(0), kNow + kSessionReuse / 2);
  CHECK_FALSE(has(cache, 0, kNow + kSessionReuse));
  // Nor does a use prolong a session that ends before.
  cache.put(session(48, kNow + std::chrono::seconds(1)), kNow);
  cache.retire(id_of(48), kNow);
  CHECK_FALSE(has(cache, 48, kNow + std::chrono::seconds(1)));
}

TEST_CASE("what has ended makes room without being asked for") {
  SessionCache cache(100);
  for (unsigned i = 0; i < 32; ++i) cache.put(session(i), kNow);
  for (unsigned i = 0; i < 16; ++i) cache.retire(id_of(i), kNow);
  cache.remove_ended(kNow);
  CHECK(cache.stats().sessions == 32);
  cache.remove_ended(kNow + kSessionReuse);
  CHECK(cache.stats().sessions == 16);
  // A new one of a shard sweeps that.
  cache.put(session(32, kNow + 2 * kLife), kNow + kLife);
  CHECK(cache.stats().sessions == 16);
  cache.remove_ended(kNow + kLife);
  CHECK(cache.stats().sessions == 1);
  CHECK(cache.stats().evictions == 0);
}

TEST_CASE("a smaller capacity counts at once, and with none nothing is kept") {
  SessionCache cache(160);
  for (unsigned i = 0; i < 160; ++i) cache.put(session(i), kNow);
  cache.set_capacity(16);
  CHECK(cache.stats().sessions == 16);
  CHECK(cache.stats().evictions == 144);
  CHECK(has(cache, 159));
  cache.set_capacity(0);
  CHECK(cache.stats().sessions == 0);
  cache.put(session(1), kNow);
  CHECK(cache.stats().sessions == 0);
  cache.set_capacity(1'000);
  cache.put(session(1), kNow);
  CHECK(cache.stats().sessions == 1);
}

TEST_CASE("workers share it") {
  SessionCache cache(1'000);
  std::vector<std::thread> workers;
  for (unsigned worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&cache, worker] {
      for (unsigned i = 0; i < 2'000; ++i) {
        const unsigned number = i % 500 * 4 + worker;
        cache.put(session(number), kNow);
        static_cast<void>(cache.find(id_of(number ^ 1U), kNow));
        if (i % 3 == 0) cache.retire(id_of(number), kNow);
        if (i % 7 == 0) cache.remove(id_of(number));
        if (i % 400 == 0) cache.remove_ended(kNow + kSessionReuse);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(cache.stats().sessions <= 1'000);
}
