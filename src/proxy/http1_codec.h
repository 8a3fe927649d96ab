#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/limits.h"
#include "core/reason.h"
#include "proxy/http_head.h"

namespace gateway::proxy {

// Why a message was refused. `status` is what a client is told: 400, 405, 413, 414, 417, 431, 501 or 505; 502 for a
// response.
struct ParseError {
  core::Reason reason = core::Reason::bad_request;
  unsigned status = 400;
  std::string detail;  // for the log
};

enum class ParseStatus : std::uint8_t {
  need_more,         // all input was taken
  head_complete,     // the head is ready; call parse() again with the rest for the body
  message_complete,  // the message ended; what is not consumed belongs to the next one
  failed,            // error() says why; the connection can't go on
};

struct ParseResult {
  std::size_t consumed = 0;
  ParseStatus status = ParseStatus::need_more;
};

// Receives a message's body as it is parsed. The view lives as long as the call.
class BodySink {
 public:
  virtual void on_body(std::string_view data) = 0;

 protected:
  ~BodySink() = default;
};

// Strict RFC 9112 request parser on llhttp, with the limits that llhttp does not have. What two parsers could read two
// ways is refused. One per client connection; reset() before each message. No I/O; single-threaded.
class RequestParser {
 public:
  explicit RequestParser(const core::Limits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Ready for the next message; `limits` may be another snapshot's.
  void reset(const core::Limits& limits);
  // Parses until the head or the message is complete, the input ends or an error is met. Body bytes (chunks decoded) go
  // to `sink` (may be null until the head is complete).
  ParseResult parse(std::string_view input, BodySink* sink);
  // True once a byte of the current message was seen (an empty line before the request line does not count).
  [[nodiscard]] bool started() const;
  // Valid after head_complete until reset(); the caller may move it out.
  RequestHead& head();
  // Trailer fields, valid after message_complete until reset().
  Fields& trailers();
  [[nodiscard]] const ParseError& error() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The same for an upstream's responses. Interim (1xx) responses are messages of their own: head_complete with status
// 1xx, then message_complete at once; 101 ends HTTP on the connection.
class ResponseParser {
 public:
  ResponseParser();
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // `to_head`: the response answers a HEAD request and has no body whatever it says.
  void reset(bool to_head);
  ParseResult parse(std::string_view input, BodySink* sink);
  // The upstream closed its side: message_complete if that ends the message properly (BodyKind::until_close), else
  // failed.
  ParseStatus finish();
  [[nodiscard]] bool started() const;
  ResponseHead& head();
  Fields& trailers();
  [[nodiscard]] const ParseError& error() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gateway::proxy
