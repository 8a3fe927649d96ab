// What each request passes through: the parser, the routes, the head towards the upstream, the counters.
#include <benchmark/benchmark.h>

#include <string>

#include "proxy/forwarding_headers.h"
#include "proxy/http1_codec.h"
#include "proxy/metric_recorder.h"
#include "proxy/router.h"

namespace gateway::proxy {
namespace {

// A request with so many fields of 100 bytes besides those that each has.
std::string request_of(std::int64_t more_fields) {
  std::string text =
      "GET /orders/17?page=2 HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"
      "Accept-Encoding: gzip\r\nAuthorization: Bearer 0123456789abcdef\r\n";
  for (std::int64_t number = 0; number < more_fields; ++number) {
    text += "X-Bench-" + std::to_string(number) + ": " + std::string(88, 'v') + "\r\n";
  }
  return text + "\r\n";
}

void parse_request(benchmark::State& state) {
  const std::string text = request_of(state.range(0));
  const core::Limits limits{};
  RequestParser parser{limits};
  for (auto _ : state) {
    parser.reset(limits);
    if (parser.parse(text, nullptr).status != ParseStatus::head_complete) {
      state.SkipWithError("not a request");
      return;
    }
    benchmark::DoNotOptimize(parser.head());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_request)->Name("parser/request, more fields")->Arg(0)->Arg(10)->Arg(50);

void parse_response(benchmark::State& state) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n";
  ResponseParser parser;
  for (auto _ : state) {
    parser.reset(false);
    benchmark::DoNotOptimize(parser.parse(text, nullptr));
  }
}
BENCHMARK(parse_response)->Name("parser/response");

void find_route(benchmark::State& state) {
  RouteTable routes;
  for (std::int64_t number = 0; number < state.range(0); ++number) {
    routes.add("/service-" + std::to_string(number) + "/*", static_cast<std::uint32_t>(number));
  }
  const std::string path = "/service-" + std::to_string(state.range(0) - 1) + "/orders/17";
  if (routes.find(path) != static_cast<std::uint32_t>(state.range(0) - 1)) {
    state.SkipWithError("another route");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(routes.find(path));
  }
}
BENCHMARK(find_route)->Name("routing/prefix, routes")->Arg(10)->Arg(1000)->Arg(10000);

void set_field(Route& route, std::string name, std::string_view value) {
  route.set.push_back({.name = std::move(name), .value = *HeaderTemplate::parse(value)});
}

void write_head(benchmark::State& state) {
  RequestParser parser{core::Limits{}};
  parser.parse(request_of(state.range(0)), nullptr);
  Snapshot snapshot;
  snapshot.protected_fields = {"client-cert", "client-cert-chain", "x-forwarded-client-cert", "x-client-dn"};
  Route route;
  core::PeerIdentity identity;
  identity.subject_dn = "CN=client,O=Bench";
  RequestVariables variables;
  variables.request_id = "0123456789abcdef";
  if (state.range(1) != 0) {
    variables.identity = &identity;
    set_field(route, "X-Client-Verify", "${client.verify}");
    set_field(route, "X-Client-DN", "${client.subject_dn}");
  }
  RequestTarget target;
  target.path = "/orders/17";
  std::string out;
  for (auto _ : state) {
    out.clear();
    write_upstream_request_head({.head = &parser.head(),
                                 .target = &target,
                                 .snapshot = &snapshot,
                                 .route = &route,
                                 .variables = variables,
                                 .source_ip = *core::IpAddress::parse("192.0.2.1"),
                                 .scheme = "https",
                                 .host = "bench.test"},
                                out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_head)
    ->Name("forwarding/request head, more fields, identity")
    ->Args({0, 0})
    ->Args({10, 0})
    ->Args({0, 1});

void write_response_head(benchmark::State& state) {
  ResponseHead head;
  head.status = 200;
  head.reason = "OK";
  head.body = BodyKind::content_length;
  head.content_length = 128;
  head.fields.add("Content-Type", "application/json");
  head.fields.add("Content-Length", "128");
  head.fields.add("Date", "Sun, 22 Nov 2026 12:00:00 GMT");
  const ForwardedResponse response{.head = &head, .request_id = "0123456789abcdef"};
  std::string out;
  for (auto _ : state) {
    out.clear();
    write_client_response_head(response, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_response_head)->Name("forwarding/response head");

void count_request(benchmark::State& state) {
  MetricRecorder recorder;
  HostMetrics& host = recorder.host("bench");
  const AnsweredRequest request{
      .method = "GET", .status = 200, .client = ClientKind::verified, .duration = std::chrono::microseconds(350)};
  for (auto _ : state) {
    MetricRecorder::count_request(host, request);
  }
}
BENCHMARK(count_request)->Name("metrics/request");

void count_handshake(benchmark::State& state) {
  MetricRecorder recorder;
  HostMetrics& host = recorder.host("bench");
  tls::HandshakeReport report;
  report.version = tls::ProtocolVersion::tls13;
  for (auto _ : state) {
    MetricRecorder::count_handshake(host, tls::ClientAuth::strict, report, std::chrono::milliseconds(1));
  }
}
BENCHMARK(count_handshake)->Name("metrics/handshake");

}  // namespace
}  // namespace gateway::proxy
