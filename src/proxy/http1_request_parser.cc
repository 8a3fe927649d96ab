#include <utility>

#include "proxy/http1_body.h"
#include "proxy/http1_codec.h"
#include "proxy/http1_framing.h"
#include "proxy/http1_grammar.h"
#include "proxy/http1_llhttp.h"
#include "proxy/http1_section.h"

namespace gateway::proxy {
namespace {

struct RequestLine {
  std::string_view method;
  std::string_view target;
  unsigned version_minor = 1;
};

SectionLimits trailer_limits(const core::Limits& limits) {
  return {.start_line_bytes = 0, .fields_bytes = limits.headers_bytes, .field_count = limits.header_count};
}

ParseError refuse(unsigned status, std::string_view detail) {
  return {.reason = status == 413 ? core::Reason::too_large : core::Reason::bad_request,
          .status = status,
          .detail = std::string(detail)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "HTTP/" DIGIT "." DIGIT and nothing else (RFC 9112 section 2.3).
bool check_version(std::string_view version, unsigned& minor, ParseError& error) {
  constexpr std::string_view kPrefix = "HTTP/";
  const bool well_formed = version.size() == kPrefix.size() + 3 && version.starts_with(kPrefix) &&
                           is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  if (!well_formed) {
    error = refuse(400, "malformed HTTP version");
    return false;
  }
  if (version[5] != '1' || version[7] > '1') {
    error = refuse(505, "HTTP version other than 1.0 and 1.1");
    return false;
  }
  minor = static_cast<unsigned>(version[7] - '0');
  return true;
}

bool check_method(std::string_view method, ParseError& error) {
  if (!is_token(method)) {
    error = refuse(400, "method is no token");
  } else if (method.size() > core::kMethodBytes) {
    error = refuse(501, "method too long");
  } else if (method == "CONNECT" || method == "TRACE" || method == "PRI") {
    error = refuse(405, "method not allowed here");
  } else {
    return true;
  }
  return false;
}

// method SP request-target SP HTTP-version, with exactly one SP each (RFC 9112 section 3 lets a server be laxer; two
// servers would be so in two ways).
bool parse_request_line(std::string_view line, RequestLine& out, ParseError& error) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    error = refuse(400, "malformed request line");
    return false;
  }
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  if (!check_version(line.substr(last + 1), out.version_minor, error) || !check_method(out.method, error)) return false;
  for (const char c : out.target) {
    if (const auto byte = static_cast<unsigned char>(c); byte <= 0x20 || byte >= 0x7f) {
      error = refuse(400, "byte in the request-target that has to be escaped");
      return false;
    }
  }
  if (out.target.empty()) error = refuse(400, "empty request-target");
  return !out.target.empty();
}

}  // namespace

struct RequestParser::Impl {
  enum class Phase : std::uint8_t { head, body, complete, failed };

  core::Limits limits;
  Phase phase = Phase::head;
  bool request_line_fine = false;
  SectionReader section;
  LlhttpFeed llhttp{HTTP_REQUEST};
  BodyReader body;
  RequestHead head;
  Fields trailers;
  ParseError error;

  ParseResult read_head(std::string_view input);
  bool take_request_line();
  bool finish_head();
  bool check_framing(const FramingFields& framing);
  bool refuse_as(unsigned status, std::string_view detail) {
    error = refuse(status, detail);
    return false;
  }
  void apply_framing(const FramingFields& framing);
};

ParseResult RequestParser::Impl::read_head(std::string_view input) {
  ParseResult result;
  result.status = section.read(input, result.consumed);
  // As soon as it is there, and before whatever is wrong with the lines behind it: a client of HTTP/0.9 sends no more.
  if (section.has_start_line() && !request_line_fine && !take_request_line())
    return {.consumed = 0, .status = ParseStatus::failed};
  if (result.status == ParseStatus::failed) error = section.error();
  if (result.status == ParseStatus::head_complete) {
    phase = Phase::body;
    if (!finish_head()) result.status = ParseStatus::failed;
  }
  return result;
}

bool RequestParser::Impl::take_request_line() {
  RequestLine line;
  if (!parse_request_line(section.start_line(), line, error)) return false;
  head.method = line.method;
  head.target = line.target;
  head.version_minor = line.version_minor;
  request_line_fine = true;
  return true;
}

bool RequestParser::Impl::finish_head() {
  const bool accepted = llhttp.feed(section.section(), &head.fields, nullptr);
  if (!llhttp.headers_complete()) return refuse_as(llhttp.method_refused() ? 501 : 400, llhttp.error_text());
  if (llhttp.target() != head.target || head.fields.size() != section.field_count())
    return refuse_as(400, "ambiguous head");
  const FramingFields framing = gather_framing(head.fields);
  // Ours first: it tells a client more precisely what is wrong.
  if (!check_framing(framing)) return false;
  if (!accepted) return refuse_as(400, llhttp.error_text());
  apply_framing(framing);
  return true;
}

bool RequestParser::Impl::check_framing(const FramingFields& framing) {
  using Coding = FramingFields::Coding;
  const bool http_1_1 = head.version_minor == 1;
  if (framing.host_count > 1) return refuse_as(400, "more than one Host");
  if (framing.host_count == 0 && http_1_1) return refuse_as(400, "no Host");
  if (!framing.content_length_valid) return refuse_as(400, "malformed Content-Length");
  if (framing.content_length_count > 1) return refuse_as(400, "more than one Content-Length");
  if (framing.coding != Coding::none && framing.content_length_count > 0)
    return refuse_as(400, "Content-Length with Transfer-Encoding");
  if (framing.coding != Coding::none && !http_1_1) return refuse_as(400, "Transfer-Encoding in HTTP/1.0");
  if (framing.coding == Coding::malformed) return refuse_as(400, "Transfer-Encoding other than chunked");
  if (framing.coding == Coding::unknown) return refuse_as(501, "unknown transfer coding");
  if (!framing.connection_valid) return refuse_as(400, "malformed Connection");
  if (http_1_1 && framing.expect_count > 0 && (framing.expect_count > 1 || !framing.expect_is_continue))
    return refuse_as(417, "Expect other than 100-continue");
  if (llhttp.chunked() != (framing.coding == Coding::chunked) || llhttp.content_length() != framing.content_length)
    return refuse_as(400, "ambiguous framing");
  if (framing.content_length > limits.body_bytes) return refuse_as(413, "Content-Length over the limit");
  return true;
}

void RequestParser::Impl::apply_framing(const FramingFields& framing) {
  const bool http_1_1 = head.version_minor == 1;
  head.content_length = framing.content_length;
  head.body = BodyKind::none;
  if (framing.content_length_count > 0) head.body = BodyKind::content_length;
  if (framing.coding == FramingFields::Coding::chunked) head.body = BodyKind::chunked;
  head.keep_alive = !framing.close && (http_1_1 || framing.keep_alive);
  const bool body_follows = head.body == BodyKind::chunked || head.content_length > 0;
  head.expect_continue = http_1_1 && framing.expect_count > 0 && body_follows;
  head.upgrade_websocket = http_1_1 && head.method == "GET" && head.body == BodyKind::none && framing.upgrade &&
                           framing.upgrade_count == 1 && framing.upgrade_is_websocket;
  body.begin(head.body, head.content_length, {.body_bytes = limits.body_bytes, .trailers = trailer_limits(limits)});
}

RequestParser::RequestParser(const core::Limits& limits) : impl_(std::make_unique<Impl>()) {
  reset(limits);
}
RequestParser::~RequestParser() = default;

void RequestParser::reset(const core::Limits& limits) {
  impl_->limits = limits;
  impl_->phase = Impl::Phase::head;
  impl_->request_line_fine = false;
  impl_->section.reset({.start_line_bytes = limits.request_line_bytes,
                        .fields_bytes = limits.headers_bytes,
                        .field_count = limits.header_count},
                       true);
  impl_->llhttp.reset();
  impl_->head.clear();
  impl_->trailers.clear();
  impl_->error = {};
}

ParseResult RequestParser::parse(std::string_view input, BodySink* sink) {
  Impl& impl = *impl_;
  ParseResult result;
  switch (impl.phase) {
    case Impl::Phase::head:
      result = impl.read_head(input);
      break;
    case Impl::Phase::body:
      result.status = impl.body.read(input, result.consumed, impl.llhttp, sink, impl.trailers);
      if (result.status == ParseStatus::failed) impl.error = impl.body.error();
      if (result.status == ParseStatus::message_complete) impl.phase = Impl::Phase::complete;
      break;
    case Impl::Phase::complete:
      result.status = ParseStatus::message_complete;
      break;
    case Impl::Phase::failed:
      result.status = ParseStatus::failed;
      break;
  }
  if (result.status == ParseStatus::failed) impl.phase = Impl::Phase::failed;
  return result;
}

bool RequestParser::started() const {
  return impl_->section.started();
}
RequestHead& RequestParser::head() {
  return impl_->head;
}
Fields& RequestParser::trailers() {
  return impl_->trailers;
}
const ParseError& RequestParser::error() const {
  return impl_->error;
}

}  // namespace gateway::proxy
