#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http1_codec.h"

namespace gateway::proxy {

struct SectionLimits {
  std::uint64_t start_line_bytes = 0;  // without its line end; 0: the section has no start line (trailers)
  std::uint64_t fields_bytes = 0;      // all field lines with their line ends
  std::uint64_t field_count = 0;
};

// Collects a head or a trailer section up to its empty line and refuses, line by line, what llhttp may let through
// (which depends on its version): lines that end in a bare LF, folded lines, whitespace before the colon, names that
// are no tokens, control bytes. The section is one contiguous piece afterwards: a view of the input if it came at once,
// else of our own buffer.
class SectionReader {
 public:
  // `skip_empty_line`: one empty line before the start line is passed over (RFC 9112 section 2.2).
  void reset(const SectionLimits& limits, bool skip_empty_line);
  // need_more, head_complete (the section is) or failed. `consumed` counts bytes of `input`.
  ParseStatus read(std::string_view input, std::size_t& consumed);

  // Valid as long as the input of the last read() and this object: what was taken so far; after completion the whole
  // section.
  [[nodiscard]] std::string_view section() const { return section_; }
  [[nodiscard]] bool has_start_line() const { return start_line_bytes_ > 0; }
  [[nodiscard]] std::string_view start_line() const { return section_.substr(0, start_line_bytes_); }
  [[nodiscard]] std::uint64_t field_count() const { return field_count_; }
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] const ParseError& error() const { return error_; }

 private:
  enum class EmptyLine : std::uint8_t { refused, allowed, half_seen };

  bool skip_empty_line(std::string_view& input, std::size_t& consumed);
  bool take_line(std::string_view line);
  bool take_start_line(std::string_view line);
  bool take_field_line(std::string_view line);
  bool check_unfinished_line(std::string_view line);
  void trim_line_ends();
  bool fail(unsigned status, std::string_view detail);

  SectionLimits limits_;
  std::string buffer_;
  std::string_view section_;
  std::size_t line_start_ = 0;  // in buffer_
  std::size_t start_line_bytes_ = 0;
  std::uint64_t fields_bytes_ = 0;
  std::uint64_t field_count_ = 0;
  EmptyLine empty_line_ = EmptyLine::refused;
  bool started_ = false;
  bool start_line_seen_ = false;
  bool complete_ = false;
  bool trailing_whitespace_ = false;  // a field line ends in SP or HTAB
  ParseError error_;
};

}  // namespace gateway::proxy
