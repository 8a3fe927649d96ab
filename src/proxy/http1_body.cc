#include "proxy/http1_body.h"

#include <algorithm>
#include <charconv>

#include "proxy/http1_grammar.h"

namespace gateway::proxy {
namespace {

constexpr std::size_t kMaxSizeDigits = 16;
// A size that is negative in a signed 64-bit integer is one that some parser gets wrong.
constexpr std::uint64_t kMaxChunkBytes = INT64_MAX;

}  // namespace

void ChunkedReader::reset(std::uint64_t body_limit_bytes, const SectionLimits& trailer_limits) {
  state_ = State::size_line;
  std::string().swap(line_);
  remaining_bytes_ = 0;
  body_bytes_ = 0;
  body_limit_bytes_ = body_limit_bytes;
  extension_bytes_ = 0;
  trailer_section_.reset(trailer_limits, false);
  error_ = {};
}

ParseStatus ChunkedReader::read(std::string_view input, std::size_t& consumed, LlhttpFeed& llhttp, BodySink* sink,
                                Fields& trailers) {
  const std::size_t input_bytes = input.size();
  ParseStatus status = ParseStatus::need_more;
  while (!input.empty() && status == ParseStatus::need_more) {
    bool fine = true;
    switch (state_) {
      case State::size_line:
        fine = read_size_line(input, llhttp);
        break;
      case State::data:
        fine = read_data(input, llhttp, sink);
        break;
      case State::data_cr:
        fine = expect_byte(input, '\r', State::data_lf, llhttp);
        break;
      case State::data_lf:
        fine = expect_byte(input, '\n', State::size_line, llhttp);
        break;
      case State::trailers:
        status = read_trailers(input, llhttp, trailers);
        break;
    }
    if (!fine) status = ParseStatus::failed;
  }
  consumed = input_bytes - input.size();
  return status;
}

bool ChunkedReader::read_size_line(std::string_view& input, LlhttpFeed& llhttp) {
  const std::size_t lf = input.find('\n');
  const std::string_view piece = input.substr(0, lf == std::string_view::npos ? input.size() : lf + 1);
  const std::size_t limit_bytes = kMaxSizeDigits + (core::kChunkExtensionBytes - extension_bytes_) + 2;
  if (line_.size() + piece.size() > limit_bytes) return fail(400, "chunk size or extensions too long");
  input.remove_prefix(piece.size());
  if (line_.empty() && lf != std::string_view::npos) return take_size_line(piece, llhttp);
  line_.append(piece);
  if (lf == std::string_view::npos) {
    // What can't become a size line is refused now, not when a line end comes some day.
    const std::size_t digits = std::min(line_.find_first_not_of("0123456789abcdefABCDEF"), line_.size());
    const bool plausible = digits > 0 && (digits == line_.size() || line_[digits] == ';' || line_[digits] == '\r');
    return plausible || fail(400, "bad chunk size");
  }
  const bool fine = take_size_line(line_, llhttp);
  line_.clear();
  return fine;
}

bool ChunkedReader::take_size_line(std::string_view line, LlhttpFeed& llhttp) {
  std::string_view text = line;
  if (!text.ends_with("\r\n")) return fail(400, "chunk size line ends in a bare LF");
  text.remove_suffix(2);
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, 16);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || digits == 0 || digits > kMaxSizeDigits || size > kMaxChunkBytes)
    return fail(400, "bad chunk size");
  const std::string_view extensions = text.substr(digits);
  if (!extensions.empty() && extensions.front() != ';') return fail(400, "bad chunk size");
  if (!is_field_value(extensions)) return fail(400, "control byte in a chunk extension");
  extension_bytes_ += extensions.size();
  if (extension_bytes_ > core::kChunkExtensionBytes) return fail(400, "chunk extensions too long");
  if (size > body_limit_bytes_ - body_bytes_) return fail(413, "body over the limit");
  body_bytes_ += size;
  if (!llhttp.feed(line, nullptr, nullptr)) return fail(400, llhttp.error_text());
  remaining_bytes_ = size;
  state_ = size == 0 ? State::trailers : State::data;
  return true;
}

bool ChunkedReader::read_data(std::string_view& input, LlhttpFeed& llhttp, BodySink* sink) {
  const std::string_view data =
      input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_bytes_, input.size())));
  if (!llhttp.feed(data, nullptr, sink)) return fail(400, llhttp.error_text());
  input.remove_prefix(data.size());
  remaining_bytes_ -= data.size();
  if (remaining_bytes_ == 0) state_ = State::data_cr;
  return true;
}

bool ChunkedReader::expect_byte(std::string_view& input, char byte, State next, LlhttpFeed& llhttp) {
  if (input.front() != byte) return fail(400, "chunk longer than its size");
  if (!llhttp.feed(input.substr(0, 1), nullptr, nullptr)) return fail(400, llhttp.error_text());
  input.remove_prefix(1);
  state_ = next;
  return true;
}

ParseStatus ChunkedReader::read_trailers(std::string_view& input, LlhttpFeed& llhttp, Fields& trailers) {
  std::size_t taken = 0;
  const ParseStatus status = trailer_section_.read(input, taken);
  if (status == ParseStatus::failed) {
    error_ = trailer_section_.error();
    return status;
  }
  if (status == ParseStatus::need_more) {
    input.remove_prefix(taken);
    return status;
  }
  const bool agreed = llhttp.feed(trailer_section_.section(), &trailers, nullptr) && llhttp.message_complete() &&
                      trailers.size() == trailer_section_.field_count();
  input.remove_prefix(taken);
  if (!agreed) {
    fail(400, llhttp.error_text());
    return ParseStatus::failed;
  }
  return ParseStatus::message_complete;
}

bool ChunkedReader::fail(unsigned status, std::string_view detail) {
  error_ = {.reason = status == 413 ? core::Reason::too_large : core::Reason::bad_request,
            .status = status,
            .detail = std::string(detail)};
  return false;
}

void BodyReader::begin(BodyKind kind, std::uint64_t content_length, const Limits& limits) {
  kind_ = kind;
  remaining_bytes_ = kind == BodyKind::content_length ? content_length : 0;
  if (kind == BodyKind::chunked) chunks_.reset(limits.body_bytes, limits.trailers);
}

ParseStatus BodyReader::read(std::string_view input, std::size_t& consumed, LlhttpFeed& llhttp, BodySink* sink,
                             Fields& trailers) {
  consumed = 0;
  if (kind_ == BodyKind::chunked) return chunks_.read(input, consumed, llhttp, sink, trailers);
  if (kind_ == BodyKind::until_close) {
    consumed = input.size();
  } else {
    consumed = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_bytes_, input.size()));
    remaining_bytes_ -= consumed;
  }
  if (consumed > 0 && sink != nullptr) sink->on_body(input.substr(0, consumed));
  const bool over = kind_ != BodyKind::until_close && remaining_bytes_ == 0;
  return over ? ParseStatus::message_complete : ParseStatus::need_more;
}

}  // namespace gateway::proxy
