#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway::proxy {

struct Field {
  std::string_view name;   // as received
  std::string_view value;  // without surrounding whitespace
  std::string_view line;   // both as they are passed on, "name: value" with its line end
};

// Field lines in one contiguous piece of memory (RFC 9110 section 5). Views into it are valid until it changes or dies.
class Fields {
 public:
  class Iterator {
   public:
    Iterator(const Fields* fields, std::size_t index) : fields_(fields), index_(index) {}
    Field operator*() const { return (*fields_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Fields* fields_;
    std::size_t index_;
  };

  void add(std::string_view name, std::string_view value);
  // Keeps memory of the usual size.
  void clear();
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return text_.size(); }
  Field operator[](std::size_t index) const {
    const Line& line = lines_[index];
    const char* const start = text_.data() + line.offset;
    return {.name = {start, line.name_bytes},
            .value = {start + line.name_bytes + 2, line.value_bytes},
            .line = {start, std::size_t{line.name_bytes} + line.value_bytes + 4}};
  }
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, lines_.size()}; }

  // Names compare without case. First value, or nullopt.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;

 private:
  struct Line {
    std::uint32_t offset, name_bytes, value_bytes;
  };
  std::string text_;
  std::vector<Line> lines_;
};

// ASCII case-insensitive.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

// How a message's body is delimited (RFC 9112 section 6.3).
enum class BodyKind : std::uint8_t { none, content_length, chunked, until_close };

struct RequestHead {
  std::string method;
  std::string target;          // request-target as received
  unsigned version_minor = 1;  // HTTP/1.0 or 1.1
  Fields fields;
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;  // for BodyKind::content_length
  bool keep_alive = true;            // what the client wants (RFC 9112 section 9.3)
  bool expect_continue = false;      // 100-continue, and a body follows (else it is ignored)
  bool upgrade_websocket = false;    // GET, HTTP/1.1, no body, Connection: upgrade, Upgrade: websocket alone

  // As new, but for the memory that it keeps for the next head.
  void clear();
};

struct ResponseHead {
  unsigned status = 0;
  std::string reason;
  unsigned version_minor = 1;
  Fields fields;
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;  // whether the connection may be reused once the message ended

  void clear();
};

}  // namespace gateway::proxy
