#include "proxy/local_reply.h"

#include <doctest/doctest.h>

#include "parsed_message.h"

namespace gateway::proxy {
namespace {

// Our own parser has to be able to read what we answer.
ParsedMessage read_back(std::string_view bytes, bool to_head = false) {
  ResponseParser parser;
  parser.reset(to_head);
  return parse_in_steps(parser, bytes, bytes.size());
}

}  // namespace

TEST_CASE("an error is problem+json with status, title and request id") {
  std::string out;
  write_error_reply({.status = 403, .request_id = "abc"}, out);
  const ParsedMessage message = read_back(out);
  CHECK(message.start == "403 Forbidden");
  CHECK(message.body == "{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,\"request_id\":\"abc\"}\n");
  CHECK(message.fields.find("Content-Type=application/problem+json|") != std::string::npos);
  CHECK(message.fields.find("Connection=close|") != std::string::npos);
  CHECK(message.fields.find("X-Request-Id=abc|") != std::string::npos);
}

TEST_CASE("what a client's certificate is to blame for, it is told in a word and in a sentence, and nothing else") {
  for (std::size_t i = 0; i < core::kReasonCount; ++i) {
    const auto reason = static_cast<core::Reason>(i);
    CAPTURE(core::to_string(reason));
    std::string out;
    write_error_reply({.status = 403, .request_id = "abc", .reason = reason}, out);
    const std::string body = read_back(out).body;
    const bool told = core::is_about_client_certificate(reason) || reason == core::Reason::not_authenticated;
    const std::string words = ",\"reason\":\"" + std::string(core::to_string(reason)) + "\",\"detail\":\"";
    CHECK((body.find(words) != std::string::npos) == told);
    CHECK((body.find("detail") != std::string::npos) == told);
    CHECK(body.ends_with(told ? ".\"}\n" : "\"abc\"}\n"));
  }
}

TEST_CASE("a request id can't end its JSON string") {
  std::string out;
  write_error_reply({.status = 400, .request_id = "a\"b\\c"}, out);
  CHECK(read_back(out).body.find("\"request_id\":\"abc\"") != std::string::npos);
}

TEST_CASE("a reply to HEAD has a length and no body") {
  std::string out;
  write_local_reply({.status = 200, .content_type = "text/plain", .body = "ok\n", .to_head = true}, out);
  CHECK(out.ends_with("\r\n\r\n"));
  CHECK(out.find("Content-Length: 3\r\n") != std::string::npos);
  CHECK(read_back(out, true).status == ParseStatus::message_complete);
}

TEST_CASE("replies that can't have content have none") {
  std::string out;
  write_local_reply({.status = 204, .content_type = "text/plain", .body = "x"}, out);
  CHECK(out.find("Content-") == std::string::npos);
  CHECK(out.ends_with("\r\n\r\n"));
}

TEST_CASE("a redirect names its place and a refusal of a method what is allowed") {
  std::string out;
  write_local_reply({.status = 308, .location = "https://a.test/"}, out);
  CHECK(read_back(out).fields.find("Location=https://a.test/|") != std::string::npos);
  CHECK(read_back(out).fields.find("Content-Length=0|") != std::string::npos);
  out.clear();
  write_local_reply({.status = 405, .allow = "GET"}, out);
  CHECK(read_back(out).fields.find("Allow=GET|") != std::string::npos);
}

TEST_CASE("an HTTP/1.0 client is told that the connection stays") {
  std::string out;
  write_local_reply({.status = 200, .version_minor = 0}, out);
  CHECK(out.find("Connection: keep-alive\r\n") != std::string::npos);
}

TEST_CASE("every refusal of a request has its status") {
  using core::Reason;
  struct Case {
    Reason reason;
    unsigned status;
  };
  for (const Case& c : std::initializer_list<Case>{{Reason::bad_request, 400},
                                                   {Reason::too_large, 413},
                                                   {Reason::wrong_host, 421},
                                                   {Reason::no_route, 404},
                                                   {Reason::policy_denied, 403},
                                                   {Reason::not_authenticated, 403},
                                                   {Reason::revoked, 403},
                                                   {Reason::rate_limited, 429},
                                                   {Reason::upstream_connect, 502},
                                                   {Reason::upstream_reset, 502},
                                                   {Reason::upstream_bad_response, 502},
                                                   {Reason::upstream_timeout, 504},
                                                   {Reason::no_endpoint, 503},
                                                   {Reason::draining, 503},
                                                   {Reason::connection_limit, 503},
                                                   {Reason::timeout, 408},
                                                   {Reason::plain_http, 400},
                                                   {Reason::internal, 500}}) {
    CAPTURE(core::to_string(c.reason));
    CHECK(status_of(c.reason) == c.status);
    CHECK(reason_phrase(c.status) != "Unknown");
  }
  for (std::size_t i = 1; i < core::kReasonCount; ++i) CHECK(status_of(static_cast<Reason>(i)) >= 400);
}

}  // namespace gateway::proxy
