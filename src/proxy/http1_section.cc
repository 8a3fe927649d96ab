#include "proxy/http1_section.h"

#include <utility>

#include "proxy/http1_grammar.h"

namespace gateway::proxy {

void SectionReader::reset(const SectionLimits& limits, bool skip_empty_line) {
  limits_ = limits;
  // An idle connection keeps no buffer; most sections come at once and never need one.
  std::string().swap(buffer_);
  section_ = {};
  line_start_ = 0;
  start_line_bytes_ = 0;
  fields_bytes_ = 0;
  field_count_ = 0;
  empty_line_ = skip_empty_line ? EmptyLine::allowed : EmptyLine::refused;
  started_ = false;
  start_line_seen_ = limits.start_line_bytes == 0;
  complete_ = false;
  trailing_whitespace_ = false;
  error_ = {};
}

ParseStatus SectionReader::read(std::string_view input, std::size_t& consumed) {
  consumed = 0;
  if (!started_ && !skip_empty_line(input, consumed)) return ParseStatus::failed;
  if (input.empty()) return ParseStatus::need_more;
  const bool in_place = buffer_.empty();
  std::size_t position = 0;
  while (position < input.size()) {
    const std::size_t lf = input.find('\n', position);
    const std::size_t end = lf == std::string_view::npos ? input.size() : lf + 1;
    if (!in_place) buffer_.append(input.substr(position, end - position));
    const std::string_view text = in_place ? input.substr(0, end) : std::string_view(buffer_);
    position = end;
    section_ = text;
    if (lf == std::string_view::npos) {
      if (!check_unfinished_line(text.substr(line_start_))) return ParseStatus::failed;
      break;
    }
    if (!take_line(text.substr(line_start_, text.size() - line_start_ - 1))) return ParseStatus::failed;
    line_start_ = text.size();
    if (complete_) {
      if (trailing_whitespace_) trim_line_ends();
      consumed += position;
      return ParseStatus::head_complete;
    }
  }
  if (in_place) buffer_.assign(input);
  section_ = buffer_;
  consumed += input.size();
  return ParseStatus::need_more;
}

bool SectionReader::skip_empty_line(std::string_view& input, std::size_t& consumed) {
  while (!input.empty() && !started_) {
    if (empty_line_ == EmptyLine::allowed && input.front() == '\r') {
      empty_line_ = EmptyLine::half_seen;
    } else if (empty_line_ == EmptyLine::half_seen) {
      if (input.front() != '\n') return fail(400, "bare CR before the start line");
      empty_line_ = EmptyLine::refused;
    } else {
      started_ = true;
      break;
    }
    input.remove_prefix(1);
    ++consumed;
  }
  return true;
}

bool SectionReader::take_line(std::string_view line) {
  return start_line_seen_ ? take_field_line(line) : take_start_line(line);
}

bool SectionReader::take_start_line(std::string_view line) {
  if (line.size() > limits_.start_line_bytes + 1) return fail(414, "start line over the limit");
  if (!line.ends_with('\r')) return fail(400, "line ends in a bare LF");
  line.remove_suffix(1);
  if (line.empty()) return fail(400, "empty start line");
  if (!is_field_value(line)) return fail(400, "control byte in the start line");
  start_line_bytes_ = line.size();
  start_line_seen_ = true;
  return true;
}

bool SectionReader::take_field_line(std::string_view line) {
  if (line == "\r") {
    complete_ = true;
    return true;
  }
  fields_bytes_ += line.size() + 1;
  if (fields_bytes_ > limits_.fields_bytes) return fail(431, "field lines over the limit");
  if (++field_count_ > limits_.field_count) return fail(431, "too many field lines");
  if (!line.ends_with('\r')) return fail(400, "line ends in a bare LF");
  line.remove_suffix(1);
  if (line.front() == ' ' || line.front() == '\t') return fail(400, "folded line");
  const std::size_t name_bytes = token_prefix(line);
  if (name_bytes == 0 || name_bytes == line.size() || line[name_bytes] != ':') return fail(400, "bad field name");
  if (!is_field_value(line.substr(name_bytes + 1))) return fail(400, "control byte in a field value");
  trailing_whitespace_ = trailing_whitespace_ || line.back() == ' ' || line.back() == '\t';
  return true;
}

void SectionReader::trim_line_ends() {
  std::string trimmed;
  trimmed.reserve(section_.size());
  for (std::string_view rest = section_; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n') - 1);
    rest.remove_prefix(line.size() + 2);
    const bool is_start_line = trimmed.size() < start_line_bytes_;
    while (!is_start_line && (line.ends_with(' ') || line.ends_with('\t'))) line.remove_suffix(1);
    trimmed += line;
    trimmed += "\r\n";
  }
  buffer_ = std::move(trimmed);
  section_ = buffer_;
}

// The limits have to hold before the line end comes, or a line without one would fill the memory.
bool SectionReader::check_unfinished_line(std::string_view line) {
  if (!start_line_seen_) {
    if (line.size() > limits_.start_line_bytes + 1) return fail(414, "start line over the limit");
    // What is no HTTP at all is told at once, not at the header timeout.
    if (line.ends_with('\r')) line.remove_suffix(1);
    constexpr std::size_t kLookBytes = 64;
    if (!is_field_value(line.substr(0, kLookBytes))) return fail(400, "control byte in the start line");
    return true;
  }
  if (line != "\r" && fields_bytes_ + line.size() > limits_.fields_bytes)
    return fail(431, "field lines over the limit");
  return true;
}

bool SectionReader::fail(unsigned status, std::string_view detail) {
  error_ = {.reason = status == 400 ? core::Reason::bad_request : core::Reason::too_large,
            .status = status,
            .detail = std::string(detail)};
  return false;
}

}  // namespace gateway::proxy
