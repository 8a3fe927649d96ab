#include "bench/load/response.h"

#include <algorithm>
#include <charconv>

namespace bench {
namespace {

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end != text.data();
}

// Names of fields have no case.
bool is_same(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char left, char right) { return (left | 0x20) == (right | 0x20); });
}

}  // namespace

Response::State Response::take(std::string_view bytes) {
  if (!in_body_) {
    const auto before = head_.size();
    head_.append(bytes);
    const auto end = head_.find("\r\n\r\n", before > 3 ? before - 3 : 0);
    if (end == std::string::npos) {
      return head_.size() > 65536 ? State::malformed : State::incomplete;
    }
    taken_ = head_.size() - end - 4;
    head_.resize(end + 2);
    in_body_ = true;
    if (!read_head()) {
      return State::malformed;
    }
  } else {
    taken_ += bytes.size();
  }
  if (taken_ > length_) {
    return State::malformed;
  }
  return taken_ == length_ ? State::complete : State::incomplete;
}

bool Response::read_head() {
  const std::string_view head = head_;
  if (!head.starts_with("HTTP/1.1 ") || !read_number(head.substr(9), status_)) {
    return false;
  }
  constexpr std::string_view kField = "content-length:";
  for (auto line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n", line + 2)) {
    const auto field = head.substr(line + 2);
    if (field.size() > kField.size() && is_same(field.substr(0, kField.size()), kField)) {
      const auto value = field.substr(kField.size());
      return read_number(value.substr(value.find_first_not_of(' ')), length_);
    }
  }
  return false;
}

void Response::reset() {
  head_.clear();
  in_body_ = false;
  status_ = 0;
  length_ = 0;
  taken_ = 0;
}

}  // namespace bench
