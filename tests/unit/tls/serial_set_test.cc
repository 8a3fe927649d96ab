#include "tls/serial_set.h"

#include <doctest/doctest.h>

#include <cstdint>

using namespace gateway::tls;

TEST_CASE("a serial set holds what was put into it") {
  SerialSet set(4);
  CHECK_FALSE(set.contains("a"));
  for (const char* serial : {"a", "ab", "b"}) CHECK(set.insert(serial));
  CHECK(set.insert("a"));
  CHECK(set.insert(std::string("\0", 1)));
  CHECK(set.size() == 4);
  CHECK(set.contains(std::string("\0", 1)));
  CHECK(set.contains("ab"));
  CHECK_FALSE(set.contains("abc"));
  CHECK_FALSE(set.contains(""));
  CHECK(set.insert(std::string(255, 'x')));
  CHECK_FALSE(set.insert(std::string(256, 'x')));
  CHECK_FALSE(SerialSet().contains("a"));
}

TEST_CASE("a serial set takes some thirty bytes an entry") {
  constexpr std::uint32_t kCount = 100'000;
  SerialSet set(kCount, std::size_t{kCount} * 16);
  for (std::uint32_t i = 0; i < kCount; ++i)
    CHECK(set.insert(std::string(12, 'x') + std::to_string(1000 + i).substr(0, 4)));
  CHECK(set.memory_bytes() <= std::size_t{kCount} * 30);
}
