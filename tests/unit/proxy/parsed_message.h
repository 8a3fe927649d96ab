#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/http1_codec.h"

namespace gateway::proxy {

// What a parser made of some bytes, in a form that two ways of feeding it can be compared by.
struct ParsedMessage {
  ParseStatus status = ParseStatus::need_more;  // the last that parse() gave
  std::size_t consumed = 0;
  bool head_seen = false;
  std::string start;   // method and target, or status and reason
  std::string fields;  // "name=value|..."
  std::string body;
  std::string trailers;
  unsigned error_status = 0;
  std::string error_detail;
  friend bool operator==(const ParsedMessage&, const ParsedMessage&) = default;
};

struct CollectBody final : BodySink {
  std::string body;
  void on_body(std::string_view data) override { body += data; }
};

inline std::string joined(const Fields& fields) {
  std::string text;
  for (const Field field : fields) {
    text += field.name;
    text += '=';
    text += field.value;
    text += '|';
  }
  return text;
}

inline std::string start_of(const RequestHead& head) {
  return head.method + ' ' + head.target;
}
inline std::string start_of(const ResponseHead& head) {
  return std::to_string(head.status) + ' ' + head.reason;
}

// Feeds `bytes` in pieces of `step` bytes until the message is complete, failed, or the bytes are used up.
template <typename Parser>
ParsedMessage parse_in_steps(Parser& parser, std::string_view bytes, std::size_t step) {
  ParsedMessage message;
  CollectBody sink;
  std::size_t position = 0;
  // The piece lies in a buffer of its own, so that a view kept too long is a read behind its end.
  while (true) {
    const std::string piece(bytes.substr(position, step));
    std::string_view rest = piece;
    bool ended = false;
    do {
      const ParseResult result = parser.parse(rest, &sink);
      message.status = result.status;
      if (result.status == ParseStatus::failed) break;
      message.consumed += result.consumed;
      rest.remove_prefix(result.consumed);
      if (result.status == ParseStatus::head_complete) {
        message.head_seen = true;
        message.start = start_of(parser.head());
        message.fields = joined(parser.head().fields);
      }
      ended = result.status == ParseStatus::message_complete;
    } while (!ended && (!rest.empty() || message.status == ParseStatus::head_complete));
    position += piece.size();
    if (ended || message.status == ParseStatus::failed || position >= bytes.size()) break;
  }
  message.body = sink.body;
  if (message.status == ParseStatus::message_complete) message.trailers = joined(parser.trailers());
  message.error_status = message.status == ParseStatus::failed ? parser.error().status : 0;
  message.error_detail = message.status == ParseStatus::failed ? parser.error().detail : "";
  return message;
}

}  // namespace gateway::proxy
