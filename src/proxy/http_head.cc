#include "proxy/http_head.h"

#include <algorithm>
#include <array>

#include "core/recycled.h"

namespace gateway::proxy {
namespace {

constexpr std::size_t kUsualFieldCount = 24;
constexpr std::size_t kUsualFieldBytes = 1024;
constexpr std::size_t kKeptFieldCount = 128;
constexpr std::size_t kKeptFieldBytes = 8 << 10;

constexpr std::array<unsigned char, 256> kLower = [] {
  std::array<unsigned char, 256> lower{};
  for (unsigned c = 0; c < lower.size(); ++c) {
    lower[c] = static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  }
  return lower;
}();

unsigned char lower(char c) noexcept {
  return kLower.data()[static_cast<unsigned char>(c)];
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  const char* const left = a.data();
  const char* const right = b.data();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(left[i]) != lower(right[i])) return false;
  }
  return true;
}

void Fields::add(std::string_view name, std::string_view value) {
  if (lines_.capacity() == 0) {
    lines_.reserve(kUsualFieldCount);
    text_.reserve(kUsualFieldBytes);
  }
  lines_.push_back({.offset = static_cast<std::uint32_t>(text_.size()),
                    .name_bytes = static_cast<std::uint32_t>(name.size()),
                    .value_bytes = static_cast<std::uint32_t>(value.size())});
  const std::size_t start = text_.size();
  text_.resize(start + name.size() + value.size() + 4);
  char* at = text_.data() + start;
  at = std::copy(name.begin(), name.end(), at);
  *at++ = ':';
  *at++ = ' ';
  at = std::copy(value.begin(), value.end(), at);
  *at++ = '\r';
  *at = '\n';
}

void Fields::clear() {
  if (text_.capacity() > kKeptFieldBytes || lines_.capacity() > kKeptFieldCount) {
    std::string().swap(text_);
    std::vector<Line>().swap(lines_);
    return;
  }
  text_.clear();
  lines_.clear();
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

// The lists of names do not compile when a member is added that nobody clears.
void RequestHead::clear() {
  auto& [method_, target_, minor, lines, kind, length, persistent, expects, upgrades] = *this;
  core::clear_for_reuse(method_);
  core::clear_for_reuse(target_);
  lines.clear();
  minor = 1;
  kind = BodyKind::none;
  length = 0;
  persistent = true;
  expects = upgrades = false;
}

void ResponseHead::clear() {
  auto& [code, phrase, minor, lines, kind, length, persistent] = *this;
  core::clear_for_reuse(phrase);
  lines.clear();
  code = 0;
  minor = 1;
  kind = BodyKind::none;
  length = 0;
  persistent = true;
}

}  // namespace gateway::proxy
