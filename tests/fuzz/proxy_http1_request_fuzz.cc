// A request is read the same way however its bytes are cut, and what we would send upstream for it is again one request
// with the same framing and no more fields of ours than one.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/forwarding_headers.h"
#include "proxy/http1_codec.h"
#include "proxy/request_target.h"

namespace {

using namespace gateway;
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
  std::size_t consumed = 0;
  bool head_seen = false;
  unsigned error_status = 0;
  std::string body;
};

Outcome read(RequestParser& parser, std::string_view bytes, std::size_t step) {
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
  outcome.consumed = outcome.status == ParseStatus::failed ? 0 : position;
  if (outcome.status == ParseStatus::failed) outcome.error_status = parser.error().status;
  outcome.body = outcome.status == ParseStatus::message_complete ? sink.body : std::string();
  return outcome;
}

void forward(const RequestHead& head, const RequestTarget& target) {
  Snapshot snapshot;
  snapshot.protected_fields = {"client-cert", "client-cert-chain", "x-forwarded-client-cert", "x-verify"};
  Route route;
  route.set.push_back({.name = "X-Verify", .value = *HeaderTemplate::parse("${client.verify}")});
  std::string out;
  write_upstream_request_head({.head = &head,
                               .target = &target,
                               .snapshot = &snapshot,
                               .route = &route,
                               .variables = {.request_id = "id"},
                               .source_ip = {},
                               .scheme = "https",
                               .host = "a.test"},
                              out);
  core::Limits limits;
  limits.headers_bytes *= 2;
  limits.header_count *= 2;
  limits.request_line_bytes *= 4;  // a byte may become an escape of three
  RequestParser parser(limits);
  const ParseResult result = parser.parse(out, nullptr);
  require(result.status == ParseStatus::head_complete && result.consumed == out.size());
  const RequestHead& again = parser.head();
  require(again.method == head.method && again.body == head.body && again.content_length == head.content_length);
  std::size_t verdicts = 0;
  for (const Field field : again.fields) {
    if (fold_field_name(field.name) == "x-verify") ++verdicts;
  }
  require(verdicts == 1 && again.fields.find("x-verify") == "NONE" && again.fields.count("host") == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  core::Limits limits;
  limits.body_bytes = 1 << 16;
  RequestParser parser(limits);
  const Outcome whole = read(parser, bytes, size + 1);
  if (whole.head_seen) {
    if (const auto target = parse_request_target(parser.head().method, parser.head().target, true))
      forward(parser.head(), *target);
  }
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}}) {
    parser.reset(limits);
    const Outcome pieces = read(parser, bytes, step);
    require(pieces.status == whole.status && pieces.consumed == whole.consumed && pieces.head_seen == whole.head_seen);
    require(pieces.error_status == whole.error_status && pieces.body == whole.body);
  }
  return 0;
}
