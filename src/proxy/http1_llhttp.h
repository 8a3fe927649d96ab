#pragma once

#include <llhttp.h>

#include <cstdint>
#include <string_view>

#include "proxy/http1_codec.h"

namespace gateway::proxy {

// llhttp behind a C++ face: takes pieces of one message that our own readers have looked over already, and hands out
// fields and body. Field lines must come as whole sections (views of them are kept between callbacks).
class LlhttpFeed {
 public:
  explicit LlhttpFeed(llhttp_type_t type);
  // llhttp holds a pointer to this object.
  LlhttpFeed(const LlhttpFeed&) = delete;
  LlhttpFeed& operator=(const LlhttpFeed&) = delete;

  // Ready for the next message.
  void reset();
  // False if llhttp refuses a byte of `bytes` or ends the message before its end: error_text() says why.
  bool feed(std::string_view bytes, Fields* fields, BodySink* sink);

  [[nodiscard]] bool headers_complete() const { return headers_complete_; }
  [[nodiscard]] bool message_complete() const { return message_complete_; }
  // llhttp's own view of the framing, valid after headers_complete().
  [[nodiscard]] bool chunked() const { return chunked_; }
  [[nodiscard]] std::uint64_t content_length() const { return content_length_; }
  // A view of the section fed: the request-target.
  [[nodiscard]] std::string_view target() const { return target_; }
  [[nodiscard]] bool method_refused() const;
  [[nodiscard]] std::string_view error_text() const;

 private:
  static const llhttp_settings_t& settings();
  static int on_target(llhttp_t* parser, const char* data, std::size_t size);
  static int on_field(llhttp_t* parser, const char* data, std::size_t size);
  static int on_value(llhttp_t* parser, const char* data, std::size_t size);
  static int on_headers_complete(llhttp_t* parser);
  static int on_body(llhttp_t* parser, const char* data, std::size_t size);
  static int on_message_complete(llhttp_t* parser);
  void end_field();

  llhttp_t parser_{};
  Fields* fields_ = nullptr;
  BodySink* sink_ = nullptr;
  std::string_view target_;
  std::string_view name_;
  std::string_view value_;
  bool headers_complete_ = false;
  bool message_complete_ = false;
  bool chunked_ = false;
  std::uint64_t content_length_ = 0;
};

}  // namespace gateway::proxy
