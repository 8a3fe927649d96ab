#include "core/buffer_pool.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/limits.h"
#include "core/recycled.h"

using namespace gateway::core;

TEST_CASE("a buffer that was given back is the next one taken") {
  BufferPool pool;
  std::string buffer;
  pool.take(buffer);
  CHECK(buffer.empty());
  CHECK(buffer.capacity() >= kPooledBufferBytes);
  buffer = "bytes of another connection";
  const char* const memory = buffer.data();
  pool.give(buffer);
  CHECK(buffer.empty());
  CHECK(buffer.capacity() < 64);
  std::string next;
  pool.take(next);
  CHECK(next.empty());
  CHECK(next.data() == memory);
}

TEST_CASE("a buffer with something in it stays as it is") {
  BufferPool pool;
  std::string buffer = "waiting";
  pool.take(buffer);
  CHECK(buffer == "waiting");
}

TEST_CASE("whoever gives a buffer back keeps no memory, whether the pool wants it or not") {
  BufferPool pool;
  std::vector<std::string> buffers(2 * kSpareBufferBytes / kPooledBufferBytes);
  for (std::string& buffer : buffers) pool.take(buffer);
  buffers.emplace_back(1000, 'x');
  for (std::string& buffer : buffers) {
    pool.give(buffer);
    CHECK(buffer.empty());
    CHECK(buffer.capacity() < 64);
  }
}

TEST_CASE("a string that is cleared for reuse keeps its memory, but not a large one") {
  std::string text(500, 'x');
  clear_for_reuse(text);
  CHECK(text.empty());
  CHECK(text.capacity() >= 500);
  text.assign(100'000, 'x');
  clear_for_reuse(text);
  CHECK(text.empty());
  CHECK(text.capacity() < 1000);
}

TEST_CASE("spare objects are taken in the reverse order") {
  SpareObjects<int> spare;
  CHECK(spare.take() == nullptr);
  spare.give(std::make_unique<int>(1));
  spare.give(std::make_unique<int>(2));
  spare.give(nullptr);
  CHECK(*spare.take() == 2);
  CHECK(*spare.take() == 1);
  CHECK(spare.take() == nullptr);
}
