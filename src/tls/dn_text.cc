#include "tls/dn_text.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace gateway::tls {
namespace {

// Between relative names, and between their attributes.
constexpr char kBetweenNames = '\0';
constexpr char kBetweenAttributes = '\1';

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char folded = lower(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

// Lower case, runs of spaces as one, none at the ends.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') {
      out += lower(c);
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string joined(const std::vector<std::string>& parts, char separator) {
  std::string out;
  for (const std::string& part : parts) {
    out += part;
    out += separator;
  }
  return out;
}

class DnReader {
 public:
  std::optional<std::string> read(std::string_view text) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '\\') {
        i += unescape(text.substr(i + 1));
      } else if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && c == '=' && !has_type_) {
        type_ = std::exchange(current_, {});
        has_type_ = true;
      } else if (!quoted && (c == ',' || c == '+')) {
        if (!end_attribute()) return std::nullopt;
        if (c == ',') end_name();
      } else {
        current_ += c;
      }
    }
    if (quoted || broken_ || !end_attribute()) return std::nullopt;
    end_name();
    const std::string forward = joined(names_, kBetweenNames);
    std::ranges::reverse(names_);
    return std::min(forward, joined(names_, kBetweenNames));
  }

 private:
  // `rest` is what stands behind the backslash; how much of it was taken.
  std::size_t unescape(std::string_view rest) {
    if (rest.size() >= 2 && digit_of(rest[0]) >= 0 && digit_of(rest[1]) >= 0) {
      current_ += static_cast<char>(digit_of(rest[0]) * 16 + digit_of(rest[1]));
      return 2;
    }
    broken_ = broken_ || rest.empty();
    if (!rest.empty()) current_ += rest[0];
    return 1;
  }

  bool end_attribute() {
    std::string type = folded(type_);
    if (!has_type_ || type.empty()) return false;
    attributes_.push_back(std::move(type) + '=' + folded(current_));
    type_.clear();
    current_.clear();
    has_type_ = false;
    return true;
  }

  void end_name() {
    std::ranges::sort(attributes_);
    names_.push_back(joined(attributes_, kBetweenAttributes));
    attributes_.clear();
  }

  std::string type_;
  std::string current_;
  bool has_type_ = false;
  bool broken_ = false;
  std::vector<std::string> attributes_;
  std::vector<std::string> names_;
};

}  // namespace

std::optional<std::string> canonical_dn(std::string_view text) {
  return DnReader().read(text);
}

}  // namespace gateway::tls
