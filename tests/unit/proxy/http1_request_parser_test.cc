#include <doctest/doctest.h>

#include "parsed_message.h"
#include "proxy/http1_codec.h"

namespace gateway::proxy {
namespace {

core::Limits small_limits() {
  core::Limits limits;
  limits.request_line_bytes = 100;
  limits.headers_bytes = 400;
  limits.header_count = 8;
  limits.body_bytes = 20;
  return limits;
}

// Whole and in pieces of every small size: the verdict must not depend on how the bytes came.
ParsedMessage parse(std::string_view bytes, const core::Limits& limits = {}) {
  RequestParser parser(limits);
  const ParsedMessage whole = parse_in_steps(parser, bytes, bytes.size() + 1);
  for (const std::size_t step : {1U, 2U, 3U, 7U}) {
    parser.reset(limits);
    ParsedMessage pieces = parse_in_steps(parser, bytes, step);
    CHECK(pieces.status == whole.status);
    CHECK(pieces.error_status == whole.error_status);
    CHECK(pieces.error_detail == whole.error_detail);
    CHECK(pieces.head_seen == whole.head_seen);
    if (whole.status == ParseStatus::message_complete) CHECK((pieces == whole));
  }
  return whole;
}

// A complete request with one more field line, as raw bytes.
std::string with_field(std::string_view line) {
  return "POST /c HTTP/1.1\r\nHost: a.test\r\n" + std::string(line) + "\r\n\r\n";
}

RequestHead head_of(std::string_view bytes) {
  RequestParser parser{core::Limits{}};
  REQUIRE(parser.parse(bytes, nullptr).status == ParseStatus::head_complete);
  return std::move(parser.head());
}

unsigned status_of_refusal(std::string_view bytes, const core::Limits& limits = {}) {
  return parse(bytes, limits).error_status;
}

constexpr std::string_view kChunked = "POST /c HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string chunked(std::string_view body) {
  return std::string(kChunked) + std::string(body);
}

}  // namespace

TEST_CASE("a request without a body ends with its head") {
  const ParsedMessage message =
      parse("GET /a?b=c HTTP/1.1\r\nHost: a.test\r\nAccept:*/*\r\nX-Empty:\r\nX-Ows: \t v \t \r\n\r\n");
  CHECK(message.status == ParseStatus::message_complete);
  CHECK(message.start == "GET /a?b=c");
  CHECK(message.fields == "Host=a.test|Accept=*/*|X-Empty=|X-Ows=v|");
  CHECK(message.body.empty());
}

TEST_CASE("bytes behind a message belong to the next one") {
  const std::string_view first = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const std::string both = std::string(first) + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  RequestParser parser{core::Limits{}};
  const ParsedMessage message = parse_in_steps(parser, both, both.size());
  CHECK(message.status == ParseStatus::message_complete);
  CHECK(message.consumed == first.size());
  CHECK(message.body == "hello");
  parser.reset(core::Limits{});
  CHECK(parse_in_steps(parser, both.substr(first.size()), 1000).start == "GET /2");
}

TEST_CASE("chunks are decoded and their trailers handed out") {
  const ParsedMessage message = parse(chunked("5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nX-T: 1\r\nX-U:\r\n\r\nrest"));
  CHECK(message.status == ParseStatus::message_complete);
  CHECK(message.body == "hello!");
  CHECK(message.trailers == "X-T=1|X-U=|");
}

TEST_CASE("requests that mean one thing only are accepted") {
  for (const std::string_view bytes : {
           "\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET /c HTTP/1.0\r\n\r\n",
           "GET http://a.test/c HTTP/1.1\r\nHost: a.test\r\n\r\n",
           "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET /c HTTP/1.1\r\nHost:\r\n\r\n",
           "GET /c HTTP/1.1\r\nHost: a\r\nX-A: b\xc3\xa9\tc\r\n\r\n",
           "GET /c HTTP/1.1\r\nHost: a\r\nX!#$%&'*+-.^`|~9: v\r\n\r\n",
           "GET /c HTTP/1.1\r\nHost: a\r\nConnection: , keep-alive ,x-drop,\r\n\r\n",
           "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length:000000000000000000000005\r\n\r\nhello",
           "M-SEARCH /c HTTP/1.1\r\nHost: a\r\n\r\n",
           "PATCH /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tCHUNKED \t \r\n\r\n0\r\n\r\n",
           "GET /c HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: foo\r\nHTTP2-Settings: x\r\n\r\n",
       }) {
    CAPTURE(bytes);
    CHECK(parse(bytes).status == ParseStatus::message_complete);
  }
}

TEST_CASE("lines that two parsers could end or join in two ways are refused") {
  using namespace std::string_view_literals;
  for (const std::string_view bytes : {
           "GET /c HTTP/1.1\nHost: a\n\n"sv,
           "GET /c HTTP/1.1\nHost: a\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\n\n"sv,
           "GET /c HTTP/1.1\r\r\nHost: a\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nDummy:\rTransfer-Encoding: chunked\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX: b\r\n \r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\n\tHost: b\r\nHost: a\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost : a\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost\t: a\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX : v\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\ngarbage\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\n: v\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX(Y): v\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX\0A: v\r\n\r\n"sv,
           "GET /c HTTP/1.1\r\nHost: a\r\nX\xc3: v\r\n\r\n"sv,
           "\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n"sv,
           "\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n"sv,
           "\rGET /c HTTP/1.1\r\nHost: a\r\n\r\n"sv,
           " GET /c HTTP/1.1\r\nHost: a\r\n\r\n"sv,
           "\x16\x03\x01\x02"sv,
           "\0\r\n"sv,
       }) {
    CAPTURE(bytes);
    CHECK(status_of_refusal(bytes) == 400);
  }
}

TEST_CASE("request lines other than method, target and version are refused") {
  struct Case {
    std::string_view line;
    unsigned status;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"GET /c", 400},
           {"GET", 400},
           {"GET  /c HTTP/1.1", 400},
           {"GET /c  HTTP/1.1", 400},
           {"GET /c HTTP/1.1 ", 400},
           {"GET /c d HTTP/1.1", 400},
           {"GET /c HTTP/1.1 x", 400},
           {"GET /c\td HTTP/1.1", 400},
           {"GET\t/c HTTP/1.1", 400},
           {"GET /c\xc3\xa9 HTTP/1.1", 400},
           {"GET /c HTTP/1", 400},
           {"GET /c HTTP/11", 400},
           {"GET /c http/1.1", 400},
           {"GET /c HTTP/1.1a", 400},
           {"GET /c HTTP/+1.1", 400},
           {"GET /c ICAP/1.0", 400},
           {"GET /c HTTP/2.0", 505},
           {"GET /c HTTP/1.2", 505},
           {"GET /c HTTP/0.9", 505},
           {"GET /c HTTP/9.9", 505},
           {"PRI * HTTP/2.0", 505},
           {"PRI /c HTTP/1.1", 405},
           {"CONNECT a.test:443 HTTP/1.1", 405},
           {"TRACE /c HTTP/1.1", 405},
           {"G(T /c HTTP/1.1", 400},
           {"\"GET\" /c HTTP/1.1", 400},
           {"FOO /c HTTP/1.1", 501},
           {"get /c HTTP/1.1", 501},
           {"DESCRIBE /c HTTP/1.1", 501},
           {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA /c HTTP/1.1", 501},
           {"GET ?x HTTP/1.1", 400},
       }) {
    CAPTURE(c.line);
    CHECK(status_of_refusal(std::string(c.line) + "\r\nHost: a\r\n\r\n") == c.status);
  }
}

TEST_CASE("a request line is judged as soon as it is there") {
  CHECK(status_of_refusal("GET /c\r\n") == 400);
  CHECK(status_of_refusal("CONNECT a.test:443 HTTP/1.1\r\nHost") == 405);
  CHECK(status_of_refusal("GET /c HTTP/2.0\r\nHost : a\r\n\r\n") == 505);
}

TEST_CASE("HTTP/1.1 needs exactly one Host and HTTP/1.0 at most one") {
  CHECK(status_of_refusal("GET /c HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of_refusal("GET /c HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of_refusal("GET /c HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n") == 400);
}

TEST_CASE("framing fields that leave a choice are refused") {
  struct Case {
    std::string_view fields;
    unsigned status;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"Content-Length: 5\r\nContent-Length: 5", 400},
           {"Content-Length: 5\r\nContent-Length: 6", 400},
           {"Content-Length: 5\r\nTransfer-Encoding: chunked", 400},
           {"Transfer-Encoding: chunked\r\nContent-Length: 0", 400},
           {"Content-Length: 5, 5", 400},
           {"Content-Length: +5", 400},
           {"Content-Length: -5", 400},
           {"Content-Length: 0x5", 400},
           {"Content-Length: 5 5", 400},
           {"Content-Length: 5.0", 400},
           {"Content-Length: 1_0", 400},
           {"Content-Length: \"5\"", 400},
           {"Content-Length:", 400},
           {"Content-Length: ,5", 400},
           {"Content-Length: 9223372036854775808", 400},
           {"Content-Length: 18446744073709551621", 400},
           {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400},
           {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400},
           {"Transfer-Encoding: chunked, chunked", 400},
           {"Transfer-Encoding: gzip, chunked", 400},
           {"Transfer-Encoding: chunked, gzip", 400},
           {"Transfer-Encoding: ,chunked", 400},
           {"Transfer-Encoding: chunked,", 400},
           {"Transfer-Encoding: \"chunked\"", 400},
           {"Transfer-Encoding: chunked;q=1", 400},
           {"Transfer-Encoding: \xa0"
            "chunked",
            400},
           {"Transfer-Encoding:", 400},
           {"Transfer-Encoding: xchunked", 501},
           {"Transfer-Encoding: identity", 501},
           {"Transfer-Encoding: 'chunked'", 501},
           {"Connection: close;x", 400},
           {"Connection: a b", 400},
       }) {
    CAPTURE(c.fields);
    CHECK(status_of_refusal(with_field(c.fields)) == c.status);
  }
  CHECK(status_of_refusal("POST /c HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
}

TEST_CASE("chunks that another parser could cut elsewhere are refused") {
  using namespace std::string_view_literals;
  for (const std::string_view body : {
           " 5\r\nhello\r\n0\r\n\r\n"sv,
           "5 \r\nhello\r\n0\r\n\r\n"sv,
           "5\t\r\nhello\r\n0\r\n\r\n"sv,
           "0x5\r\nhello\r\n0\r\n\r\n"sv,
           "+5\r\nhello\r\n0\r\n\r\n"sv,
           "-1\r\nhello\r\n0\r\n\r\n"sv,
           "0_5\r\nhello\r\n0\r\n\r\n"sv,
           "g\r\nhello\r\n0\r\n\r\n"sv,
           "\r\nhello\r\n0\r\n\r\n"sv,
           "5.0\r\nhello\r\n0\r\n\r\n"sv,
           "5,5\r\nhello\r\n0\r\n\r\n"sv,
           "5\nhello\r\n0\r\n\r\n"sv,
           "5\rhello\r\n0\r\n\r\n"sv,
           "5\r\r\nhello\r\n0\r\n\r\n"sv,
           "5\r\nhello0\r\n\r\n"sv,
           "5\r\nhello\n0\r\n\r\n"sv,
           "5\r\nhelloX\n0\r\n\r\n"sv,
           "5\r\nhello\rX0\r\n\r\n"sv,
           "00000000000000005\r\nhello\r\n0\r\n\r\n"sv,
           "10000000000000005\r\nhello\r\n0\r\n\r\n"sv,
           "8000000000000000\r\nhello\r\n0\r\n\r\n"sv,
           "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"sv,
           "5;a\0\r\nhello\r\n0\r\n\r\n"sv,
           "5;a\x01\r\nhello\r\n0\r\n\r\n"sv,
           "5;a\rb\r\nhello\r\n0\r\n\r\n"sv,
           "5;a=\"\r\nhello\"\r\n0\r\n\r\n"sv,
           "0\r\nGET /x HTTP/1.1\r\n\r\n"sv,
           "0\r\nX-T : 1\r\n\r\n"sv,
           "0\r\n X-T: 1\r\n\r\n"sv,
           "0\r\nX-T: 1\r\n 2\r\n\r\n"sv,
           "0\r\nX-T: \0\r\n\r\n"sv,
           "0\r\nX-T: 1\n\r\n"sv,
           "0\r\n\n"sv,
           "0\n\r\n"sv,
       }) {
    CAPTURE(body);
    CHECK(status_of_refusal(chunked(body)) == 400);
  }
}

TEST_CASE("control bytes in chunk extensions are refused by us, whatever llhttp thinks of them") {
  CHECK(parse(chunked("5;a\x01\r\nhello\r\n0\r\n\r\n")).error_detail == "control byte in a chunk extension");
  CHECK(parse(chunked("5;a=\"\x7f\"\r\nhello\r\n0\r\n\r\n")).error_detail == "control byte in a chunk extension");
}

TEST_CASE("chunk sizes of any case and up to sixteen digits are accepted") {
  CHECK(parse(chunked("0000000000000005\r\nhello\r\n000\r\n\r\n")).body == "hello");
  CHECK(parse(chunked("5;a=\"b c\"\r\nhello\r\n0;b\r\n\r\n")).status == ParseStatus::message_complete);
  CHECK(parse(chunked("00a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n")).body.size() == 20);
}

TEST_CASE("chunk extensions are bounded over the whole message") {
  std::string body;
  for (int i = 0; i < 5; ++i) body += "1;" + std::string(1000, 'x') + "\r\nA\r\n";
  CHECK(status_of_refusal(chunked(body)) == 400);
  RequestParser parser{core::Limits{}};
  // One that never ends must not wait for its line end.
  CHECK(parse_in_steps(parser, chunked("1;" + std::string(5000, 'x')), 100).status == ParseStatus::failed);
}

TEST_CASE("limits answer 414, 431 and 413") {
  const core::Limits limits = small_limits();
  const std::string_view end = " HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string fits = "GET /" + std::string(100 - 14, 'a');
  CHECK(parse(fits + std::string(end), limits).status == ParseStatus::message_complete);
  CHECK(status_of_refusal(fits + "a" + std::string(end), limits) == 414);
  CHECK(status_of_refusal("GET /" + std::string(200, 'a'), limits) == 414);

  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  const std::string field = "X: " + std::string(400 - 9 - 5, 'v') + "\r\n";
  CHECK(parse(head + field + "\r\n", limits).status == ParseStatus::message_complete);
  CHECK(status_of_refusal(head + "Y" + field + "\r\n", limits) == 431);
  CHECK(status_of_refusal(head + "X: " + std::string(1000, 'v'), limits) == 431);
  std::string many = head;
  for (int i = 0; i < 7; ++i) many += "X: v\r\n";
  CHECK(parse(many + "\r\n", limits).status == ParseStatus::message_complete);
  CHECK(status_of_refusal(many + "X: v\r\n\r\n", limits) == 431);

  CHECK(status_of_refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\n\r\n", limits) == 413);
  CHECK(parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n" + std::string(20, 'b'), limits).body.size() ==
        20);
  const std::string ten = "a\r\n0123456789\r\n";
  CHECK(parse(chunked(ten + ten + "0\r\n\r\n"), limits).status == ParseStatus::message_complete);
  CHECK(status_of_refusal(chunked(ten + ten + "1\r\n"), limits) == 413);
  CHECK(status_of_refusal(chunked("7FFFFFFFFFFFFFFF\r\n"), limits) == 413);
  CHECK(status_of_refusal(chunked("0\r\nX-T: " + std::string(500, 'v') + "\r\n\r\n"), limits) == 431);
}

TEST_CASE("too many connection options are refused") {
  std::string list = "Connection: x";
  for (int i = 0; i < 40; ++i) list += ",x";
  CHECK(status_of_refusal(with_field(list)) == 400);
}

TEST_CASE("keep-alive follows version and Connection") {
  CHECK(head_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  CHECK_FALSE(head_of("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n").keep_alive);
  CHECK_FALSE(
      head_of("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x, close\r\n\r\n").keep_alive);
  CHECK_FALSE(head_of("GET / HTTP/1.0\r\nHost: a\r\n\r\n").keep_alive);
  CHECK(head_of("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST_CASE("100-continue counts with HTTP/1.1 and a body only, any other expectation is refused") {
  const std::string expect = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n";
  CHECK(head_of(expect + "Content-Length: 5\r\n\r\n").expect_continue);
  CHECK(head_of(expect + "Transfer-Encoding: chunked\r\n\r\n").expect_continue);
  CHECK_FALSE(head_of(expect + "\r\n").expect_continue);
  CHECK_FALSE(head_of(expect + "Content-Length: 0\r\n\r\n").expect_continue);
  CHECK_FALSE(
      head_of("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").expect_continue);
  CHECK_FALSE(head_of("POST / HTTP/1.0\r\nHost: a\r\nExpect: x\r\nContent-Length: 5\r\n\r\n").expect_continue);
  CHECK(status_of_refusal(with_field("Expect: foo")) == 417);
  CHECK(status_of_refusal(with_field("Expect: 100-continue, x")) == 417);
  CHECK(status_of_refusal(with_field("Expect: 100-continue\r\nExpect: 100-continue")) == 417);
}

TEST_CASE("an upgrade to websocket is known by all of its marks") {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
  CHECK(head_of(get + "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n").upgrade_websocket);
  for (const std::string_view bytes : {
           "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
           "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\n",
       }) {
    CAPTURE(bytes);
    CHECK_FALSE(head_of(bytes).upgrade_websocket);
  }
}

TEST_CASE("an Upgrade field does not change where the body ends") {
  const std::string upgrade = "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
  CHECK(parse(upgrade + "Content-Length: 5\r\n\r\nhello").body == "hello");
  CHECK(parse(upgrade + "Content-Length: 0\r\n\r\n").status == ParseStatus::message_complete);
  const ParsedMessage message = parse(upgrade + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nrest");
  CHECK(message.body == "hello");
  CHECK(message.status == ParseStatus::message_complete);
}

TEST_CASE("a parser has not started before the first byte of a start line") {
  RequestParser parser{core::Limits{}};
  CHECK_FALSE(parser.started());
  CHECK(parser.parse("\r", nullptr).consumed == 1);
  CHECK(parser.parse("\n", nullptr).consumed == 1);
  CHECK_FALSE(parser.started());
  parser.parse("G", nullptr);
  CHECK(parser.started());
  parser.reset(core::Limits{});
  CHECK_FALSE(parser.started());
}

TEST_CASE("the caller may move the head out before the body comes") {
  RequestParser parser{core::Limits{}};
  const std::string_view bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const ParseResult head = parser.parse(bytes, nullptr);
  const RequestHead moved = std::move(parser.head());
  CollectBody sink;
  CHECK(parser.parse(bytes.substr(head.consumed), &sink).status == ParseStatus::message_complete);
  CHECK(sink.body == "hello");
  CHECK(moved.fields.size() == 2);
}

TEST_CASE("a failed parser stays failed until it is reset") {
  RequestParser parser{core::Limits{}};
  CHECK(parser.parse("GET / HTTP/1.1\nHost: a\n\n", nullptr).status == ParseStatus::failed);
  CHECK(parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", nullptr).status == ParseStatus::failed);
  parser.reset(core::Limits{});
  CHECK(parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", nullptr).status == ParseStatus::head_complete);
}

}  // namespace gateway::proxy
