#include "proxy/http_head.h"

#include <algorithm>

namespace gateway::proxy {
namespace {

constexpr std::size_t kUsualFieldCount = 24;
constexpr std::size_t kUsualFieldBytes = 1024;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void Fields::add(std::string_view name, std::string_view value) {
  if (lines_.capacity() == 0) {
    lines_.reserve(kUsualFieldCount);
    text_.reserve(kUsualFieldBytes);
  }
  lines_.push_back({.offset = static_cast<std::uint32_t>(text_.size()),
                    .name_bytes = static_cast<std::uint32_t>(name.size()),
                    .value_bytes = static_cast<std::uint32_t>(value.size())});
  text_.append(name);
  text_.append(value);
}

void Fields::clear() {
  text_.clear();
  lines_.clear();
}

Field Fields::operator[](std::size_t index) const {
  const Line& line = lines_[index];
  const std::string_view text = text_;
  return {.name = text.substr(line.offset, line.name_bytes),
          .value = text.substr(line.offset + line.name_bytes, line.value_bytes)};
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field field : *this) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  std::size_t matches = 0;
  for (const Field field : *this) {
    if (equal_ignoring_case(field.name, name)) ++matches;
  }
  return matches;
}

}  // namespace gateway::proxy
