#include <utility>

#include "proxy/http1_body.h"
#include "proxy/http1_codec.h"
#include "proxy/http1_framing.h"
#include "proxy/http1_llhttp.h"
#include "proxy/http1_section.h"

namespace gateway::proxy {
namespace {

constexpr SectionLimits kHeadLimits = {.start_line_bytes = core::kResponseHeadersBytes,
                                       .fields_bytes = core::kResponseHeadersBytes,
                                       .field_count = core::kResponseHeaderCount};
constexpr SectionLimits kTrailerLimits = {
    .start_line_bytes = 0, .fields_bytes = core::kResponseHeadersBytes, .field_count = core::kResponseHeaderCount};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// HTTP-version SP status-code [SP reason-phrase]: many servers leave the last SP out.
bool parse_status_line(std::string_view line, ResponseHead& head) {
  constexpr std::string_view kPrefix = "HTTP/1.";
  constexpr std::size_t kCodeEnd = 12;  // of "HTTP/1.1 200"
  if (line.size() < kCodeEnd || !line.starts_with(kPrefix) || (line[7] != '0' && line[7] != '1') || line[8] != ' ')
    return false;
  if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) return false;
  if (line.size() > kCodeEnd && line[kCodeEnd] != ' ') return false;
  head.version_minor = static_cast<unsigned>(line[7] - '0');
  head.status = static_cast<unsigned>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  head.reason = line.size() > kCodeEnd ? line.substr(kCodeEnd + 1) : std::string_view();
  return head.status >= 100 && head.status <= 599;
}

}  // namespace

struct ResponseParser::Impl {
  enum class Phase : std::uint8_t { head, body, complete, failed };

  bool to_head = false;
  Phase phase = Phase::head;
  SectionReader section;
  LlhttpFeed llhttp{HTTP_RESPONSE};
  BodyReader body;
  ResponseHead head;
  Fields trailers;
  ParseError error;

  bool finish_head();
  bool check_framing(const FramingFields& framing);
  void apply_framing(const FramingFields& framing);
  bool refuse(std::string_view detail, core::Reason reason = core::Reason::upstream_bad_response) {
    error = {.reason = reason, .status = 502, .detail = std::string(detail)};
    return false;
  }
  // RFC 9112 section 6.3: whatever the fields say.
  [[nodiscard]] bool never_has_body() const {
    return to_head || head.status < 200 || head.status == 204 || head.status == 304;
  }
};

bool ResponseParser::Impl::finish_head() {
  if (!parse_status_line(section.start_line(), head)) return refuse("malformed status line");
  if (!llhttp.feed(section.section(), &head.fields, nullptr)) return refuse(llhttp.error_text());
  if (!llhttp.headers_complete() || head.fields.size() != section.field_count()) return refuse("ambiguous head");
  const FramingFields framing = gather_framing(head.fields);
  if (!check_framing(framing)) return false;
  apply_framing(framing);
  return true;
}

bool ResponseParser::Impl::check_framing(const FramingFields& framing) {
  using Coding = FramingFields::Coding;
  if (!framing.content_length_valid) return refuse("malformed Content-Length");
  if (framing.content_length_count > 1) return refuse("more than one Content-Length");
  if (framing.coding != Coding::none && framing.content_length_count > 0)
    return refuse("Content-Length with Transfer-Encoding");
  if (framing.coding != Coding::none && framing.coding != Coding::chunked) return refuse("unknown transfer coding");
  if (framing.coding != Coding::none && head.version_minor == 0) return refuse("Transfer-Encoding in HTTP/1.0");
  if (!framing.connection_valid) return refuse("malformed Connection");
  if (llhttp.chunked() != (framing.coding == Coding::chunked)) return refuse("ambiguous framing");
  if (framing.content_length_count > 0 && llhttp.content_length() != framing.content_length)
    return refuse("ambiguous framing");
  return true;
}

void ResponseParser::Impl::apply_framing(const FramingFields& framing) {
  const bool chunked = framing.coding == FramingFields::Coding::chunked;
  const bool persistent = !framing.close && (head.version_minor == 1 || framing.keep_alive);
  head.content_length = framing.content_length;
  if (never_has_body()) {
    head.body = BodyKind::none;
    // A server that frames a body where there can be none may well send it.
    const bool framed = chunked || framing.content_length > 0;
    const bool allowed = to_head || head.status == 304;
    head.keep_alive = persistent && head.status != 101 && (allowed || !framed);
  } else if (chunked || framing.content_length_count > 0) {
    head.body = chunked ? BodyKind::chunked : BodyKind::content_length;
    head.keep_alive = persistent;
  } else {
    head.body = BodyKind::until_close;
    head.keep_alive = false;
  }
  body.begin(head.body, head.content_length, {.body_bytes = UINT64_MAX, .trailers = kTrailerLimits});
}

ResponseParser::ResponseParser() : impl_(std::make_unique<Impl>()) {
  reset(false);
}
ResponseParser::~ResponseParser() = default;

void ResponseParser::reset(bool to_head) {
  impl_->to_head = to_head;
  impl_->phase = Impl::Phase::head;
  impl_->section.reset(kHeadLimits, false);
  impl_->llhttp.reset();
  impl_->head.clear();
  impl_->trailers.clear();
  impl_->error = {};
}

ParseResult ResponseParser::parse(std::string_view input, BodySink* sink) {
  Impl& impl = *impl_;
  ParseResult result;
  switch (impl.phase) {
    case Impl::Phase::head:
      result.status = impl.section.read(input, result.consumed);
      if (result.status == ParseStatus::failed) impl.refuse(impl.section.error().detail);
      if (result.status == ParseStatus::head_complete) {
        impl.phase = Impl::Phase::body;
        if (!impl.finish_head()) result.status = ParseStatus::failed;
      }
      break;
    case Impl::Phase::body:
      result.status = impl.body.read(input, result.consumed, impl.llhttp, sink, impl.trailers);
      if (result.status == ParseStatus::failed) impl.refuse(impl.body.error().detail);
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

ParseStatus ResponseParser::finish() {
  Impl& impl = *impl_;
  if (impl.phase == Impl::Phase::complete) return ParseStatus::message_complete;
  if (impl.phase == Impl::Phase::body) {
    const bool ended =
        impl.body.kind() == BodyKind::until_close || parse({}, nullptr).status == ParseStatus::message_complete;
    if (ended) {
      impl.phase = Impl::Phase::complete;
      return ParseStatus::message_complete;
    }
  }
  if (impl.phase != Impl::Phase::failed)
    impl.refuse("upstream closed before the end of the message", core::Reason::upstream_reset);
  impl.phase = Impl::Phase::failed;
  return ParseStatus::failed;
}

bool ResponseParser::started() const {
  return impl_->section.started();
}
ResponseHead& ResponseParser::head() {
  return impl_->head;
}
Fields& ResponseParser::trailers() {
  return impl_->trailers;
}
const ParseError& ResponseParser::error() const {
  return impl_->error;
}

}  // namespace gateway::proxy
