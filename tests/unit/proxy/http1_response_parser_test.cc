#include <doctest/doctest.h>

#include "parsed_message.h"
#include "proxy/http1_codec.h"

namespace gateway::proxy {
namespace {

ParsedMessage parse(std::string_view bytes, bool to_head = false) {
  ResponseParser parser;
  parser.reset(to_head);
  const ParsedMessage whole = parse_in_steps(parser, bytes, bytes.size() + 1);
  for (const std::size_t step : {1U, 2U, 5U}) {
    parser.reset(to_head);
    const ParsedMessage pieces = parse_in_steps(parser, bytes, step);
    CHECK(pieces.status == whole.status);
    CHECK(pieces.error_detail == whole.error_detail);
    if (whole.status != ParseStatus::failed) CHECK((pieces == whole));
  }
  return whole;
}

ResponseHead head_of(std::string_view bytes, bool to_head = false) {
  ResponseParser parser;
  parser.reset(to_head);
  REQUIRE(parser.parse(bytes, nullptr).status == ParseStatus::head_complete);
  return std::move(parser.head());
}

}  // namespace

TEST_CASE("a response with a length ends there") {
  const ParsedMessage message = parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Empty:\r\n\r\nhello");
  CHECK(message.status == ParseStatus::message_complete);
  CHECK(message.start == "200 OK");
  CHECK(message.fields == "Content-Length=5|X-Empty=|");
  CHECK(message.body == "hello");
}

TEST_CASE("a chunked response is decoded with its trailers") {
  const ParsedMessage message =
      parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nrest");
  CHECK(message.status == ParseStatus::message_complete);
  CHECK(message.body == "hello");
  CHECK(message.trailers == "X-Sum=1|");
}

TEST_CASE("a response without a length lasts until the upstream closes") {
  ResponseParser parser;
  const ParsedMessage message = parse_in_steps(parser, "HTTP/1.1 200\r\n\r\nhello", 4);
  CHECK(message.status == ParseStatus::need_more);
  CHECK(message.body == "hello");
  CHECK(parser.head().body == BodyKind::until_close);
  CHECK_FALSE(parser.head().keep_alive);
  CHECK(parser.finish() == ParseStatus::message_complete);
}

TEST_CASE("a response that is cut off is no response") {
  for (const std::string_view bytes : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"}) {
    CAPTURE(bytes);
    ResponseParser parser;
    parse_in_steps(parser, bytes, 3);
    CHECK(parser.finish() == ParseStatus::failed);
    CHECK(parser.error().reason == core::Reason::upstream_reset);
    CHECK(parser.error().status == 502);
  }
}

TEST_CASE("a body that came whole is complete when the upstream closes") {
  ResponseParser parser;
  parser.parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", nullptr);
  CHECK(parser.finish() == ParseStatus::message_complete);
}

TEST_CASE("some responses have no body whatever their fields say") {
  for (const std::string_view bytes :
       {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    CAPTURE(bytes);
    CHECK(parse(bytes).status == ParseStatus::message_complete);
    CHECK(head_of(bytes).keep_alive);
  }
  CHECK(parse("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", true).status == ParseStatus::message_complete);
  CHECK(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true).status == ParseStatus::message_complete);
}

TEST_CASE("an upstream that frames a body where there can be none is not used again") {
  CHECK_FALSE(head_of("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").keep_alive);
  CHECK_FALSE(head_of("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n").keep_alive);
  CHECK_FALSE(
      head_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n").keep_alive);
}

TEST_CASE("an interim response is a message of its own") {
  const std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string both = std::string(interim) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  ResponseParser parser;
  const ParsedMessage message = parse_in_steps(parser, both, both.size());
  CHECK(message.start == "100 Continue");
  CHECK(message.consumed == interim.size());
}

TEST_CASE("an upstream's connection persists by version and Connection") {
  CHECK(head_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
  CHECK_FALSE(head_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").keep_alive);
  CHECK_FALSE(head_of("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
  CHECK(head_of("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST_CASE("responses that could be read in two ways are refused as 502") {
  using namespace std::string_view_literals;
  for (const std::string_view bytes : {
           "\r\nHTTP/1.1 200 OK\r\n\r\n"sv,
           "HTTP/1.1 200 OK\n\n"sv,
           "HTTP/1.1 200 OK\r\nX: 1\n\r\n"sv,
           "HTTP/2.0 200 OK\r\n\r\n"sv,
           "HTTP/1.2 200 OK\r\n\r\n"sv,
           "ICY 200 OK\r\n\r\n"sv,
           "HTTP/1.1  200 OK\r\n\r\n"sv,
           "HTTP/1.1 20 OK\r\n\r\n"sv,
           "HTTP/1.1 2000 OK\r\n\r\n"sv,
           "HTTP/1.1 099 OK\r\n\r\n"sv,
           "HTTP/1.1 600 OK\r\n\r\n"sv,
           "HTTP/1.1 200 O\0K\r\n\r\n"sv,
           "HTTP/1.1 200 O\rK\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"sv,
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\n X: a\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX : a\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello"sv,
       }) {
    CAPTURE(bytes);
    const ParsedMessage message = parse(bytes);
    CHECK(message.status == ParseStatus::failed);
    CHECK(message.error_status == 502);
  }
}

TEST_CASE("a response's head is bounded") {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (std::uint64_t i = 0; i <= core::kResponseHeaderCount; ++i) many += "X: v\r\n";
  CHECK(parse(many + "\r\n").status == ParseStatus::failed);
  ResponseParser parser;
  const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(core::kResponseHeadersBytes, 'v');
  CHECK(parse_in_steps(parser, endless, 4096).status == ParseStatus::failed);
}

}  // namespace gateway::proxy
