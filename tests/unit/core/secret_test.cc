#include "core/secret.h"

#include <doctest/doctest.h>

#include <new>
#include <string>
#include <type_traits>

using gateway::core::Secret;

TEST_CASE("a secret keeps its bytes, whatever they are") {
  const std::string bytes("a\0b", 3);
  CHECK(Secret(bytes).view() == bytes);
  CHECK(Secret(std::string_view()).empty());
  CHECK(Secret().view().empty());
  CHECK(Secret(bytes).view().data()[3] == '\0');
}

TEST_CASE("a secret moves as a whole and can't be copied") {
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
  Secret first("one");
  const char* bytes = first.view().data();
  Secret second(std::move(first));
  CHECK(second.view().data() == bytes);
  CHECK(first.view().empty());  // NOLINT(bugprone-use-after-move)
  Secret third("three");
  third = std::move(second);
  CHECK(third.view() == "one");
}

TEST_CASE("wiped bytes are zero") {
  std::string text = "a passphrase that nobody may find";
  gateway::core::wipe(text.data(), text.size());
  CHECK(text == std::string(text.size(), '\0'));
  gateway::core::wipe(nullptr, 0);
}
