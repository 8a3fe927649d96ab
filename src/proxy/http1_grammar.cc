#include "proxy/http1_grammar.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace gateway::proxy {
namespace {

constexpr std::uint8_t kToken = 1;
constexpr std::uint8_t kValue = 2;

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) classes[c] = kValue;
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alphanumeric) classes[c] |= kToken;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) classes[static_cast<unsigned char>(c)] |= kToken;
  return classes;
}
constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool is(char c, std::uint8_t which) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & which) != 0;
}

}  // namespace

bool is_token_byte(char c) noexcept {
  return is(c, kToken);
}

std::size_t token_prefix(std::string_view text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && is(text[length], kToken)) ++length;
  return length;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && token_prefix(text) == text.size();
}

bool is_field_value(std::string_view text) noexcept {
  const auto fine = [](char c) { return is(c, kValue); };
  constexpr std::size_t kBlock = sizeof(std::uint64_t);
  if (text.size() < kBlock) return std::all_of(text.begin(), text.end(), fine);
  // Eight bytes at a time, the last ones perhaps twice: a block without a byte below 0x20 or at 0x7f is fine, and HTAB
  // is rare enough for the others to be looked at one by one.
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kTops = kOnes * 0x80;
  const char* const last = text.data() + text.size() - kBlock;
  for (const char* block = text.data();; block = std::min(block + kBlock, last)) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, block, kBlock);
    const std::uint64_t deletes = bytes ^ (kOnes * 0x7f);
    const std::uint64_t below_space = (bytes - kOnes * 0x20) & ~bytes;
    const std::uint64_t is_delete = (deletes - kOnes) & ~deletes;
    if (((below_space | is_delete) & kTops) != 0 && !std::all_of(block, block + kBlock, fine)) return false;
    if (block == last) return true;
  }
}

std::string_view trim_whitespace(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool next_list_element(std::string_view& list, std::string_view& element) noexcept {
  if (list.data() == nullptr) return false;
  const auto comma = list.find(',');
  element = trim_whitespace(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return true;
}

}  // namespace gateway::proxy
