// A response is read the same way however its bytes are cut, and what we would send to a client for it is again one
// response.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/forwarding_headers.h"
#include "proxy/http1_codec.h"

namespace {

using namespace gateway::proxy;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Sink final : BodySink {
  std::string body;
  void on_body(std::string_view data) override { body += data; }
};

struct Outcome {
  ParseStatus status = ParseStatus::need_more;
  ParseStatus finished = ParseStatus::need_more;
  std::size_t consumed = 0;
  bool head_seen = false;
  std::string body;
};

Outcome read(ResponseParser& parser, std::string_view bytes, std::size_t step) {
  Outcome outcome;
  Sink sink;
  std::size_t position = 0;
  while (outcome.status == ParseStatus::need_more || outcome.status == ParseStatus::head_complete) {
    const std::string piece(bytes.substr(position, step));
    const ParseResult result = parser.parse(piece, &sink);
    require(result.consumed <= piece.size());
    outcome.status = result.status;
    position += result.consumed;
    if (result.status == ParseStatus::head_complete) outcome.head_seen = true;
    if (result.status == ParseStatus::need_more && position >= bytes.size()) break;
  }
  outcome.finished = parser.finish();
  outcome.consumed = outcome.status == ParseStatus::failed ? 0 : position;
  outcome.body = outcome.finished == ParseStatus::message_complete ? sink.body : std::string();
  return outcome;
}

void forward(const ResponseHead& head) {
  std::string out;
  const bool chunked = head.body == BodyKind::chunked || head.body == BodyKind::until_close;
  write_client_response_head({.head = &head, .chunked = chunked, .tunnel = head.status == 101}, out);
  ResponseParser parser;
  const ParseResult result = parser.parse(out, nullptr);
  // Ours may take a head that was just within the limits over them.
  if (result.status == ParseStatus::failed) return;
  require(result.status == ParseStatus::head_complete && result.consumed == out.size());
  require(parser.head().status == head.status);
  require(parser.head().body == (chunked ? BodyKind::chunked : head.body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  ResponseParser parser;
  parser.reset(to_head);
  const Outcome whole = read(parser, bytes, size + 1);
  if (whole.head_seen && !to_head) forward(parser.head());
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}}) {
    parser.reset(to_head);
    const Outcome pieces = read(parser, bytes, step);
    require(pieces.status == whole.status && pieces.finished == whole.finished && pieces.consumed == whole.consumed);
    require(pieces.body == whole.body);
  }
  return 0;
}
