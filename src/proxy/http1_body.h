#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http1_codec.h"
#include "proxy/http1_llhttp.h"
#include "proxy/http1_section.h"

namespace gateway::proxy {

// The chunked coding (RFC 9112 section 7.1). Chunk lines and trailers are looked over by us, then decoded by llhttp;
// the two have to agree on where the message ends.
class ChunkedReader {
 public:
  void reset(std::uint64_t body_limit_bytes, const SectionLimits& trailer_limits);
  // need_more, message_complete or failed; error() says why.
  ParseStatus read(std::string_view input, std::size_t& consumed, LlhttpFeed& llhttp, BodySink* sink, Fields& trailers);
  [[nodiscard]] const ParseError& error() const { return error_; }

 private:
  enum class State : std::uint8_t { size_line, data, data_cr, data_lf, trailers };

  bool read_size_line(std::string_view& input, LlhttpFeed& llhttp);
  bool take_size_line(std::string_view line, LlhttpFeed& llhttp);
  bool read_data(std::string_view& input, LlhttpFeed& llhttp, BodySink* sink);
  ParseStatus read_trailers(std::string_view& input, LlhttpFeed& llhttp, Fields& trailers);
  bool expect_byte(std::string_view& input, char byte, State next, LlhttpFeed& llhttp);
  bool fail(unsigned status, std::string_view detail);

  State state_ = State::size_line;
  std::string line_;                   // of a size line that came in pieces
  std::uint64_t remaining_bytes_ = 0;  // of this chunk
  std::uint64_t body_bytes_ = 0;       // of all chunks so far
  std::uint64_t body_limit_bytes_ = 0;
  std::size_t extension_bytes_ = 0;  // of all chunks so far
  SectionReader trailer_section_;
  ParseError error_;
};

// A message body of any kind.
class BodyReader {
 public:
  struct Limits {
    std::uint64_t body_bytes = UINT64_MAX;
    SectionLimits trailers;
  };
  void begin(BodyKind kind, std::uint64_t content_length, const Limits& limits);
  // need_more, message_complete or failed; error() says why.
  ParseStatus read(std::string_view input, std::size_t& consumed, LlhttpFeed& llhttp, BodySink* sink, Fields& trailers);
  [[nodiscard]] BodyKind kind() const { return kind_; }
  [[nodiscard]] const ParseError& error() const { return chunks_.error(); }

 private:
  BodyKind kind_ = BodyKind::none;
  std::uint64_t remaining_bytes_ = 0;
  ChunkedReader chunks_;
};

}  // namespace gateway::proxy
