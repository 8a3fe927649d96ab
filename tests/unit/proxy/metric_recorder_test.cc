#include "proxy/metric_recorder.h"

#include <doctest/doctest.h>

using namespace gateway;
using namespace gateway::proxy;
using std::chrono_literals::operator""ms;

namespace {

std::uint64_t observations(const core::Histogram& histogram) {
  std::uint64_t sum = 0;
  for (const auto count : histogram.counts()) sum += count;
  return sum;
}

void handshake(HostMetrics& host, core::Reason reason, bool resumed) {
  tls::HandshakeReport report;
  report.reason = reason;
  report.version = tls::ProtocolVersion::tls13;
  report.resumed = resumed;
  MetricRecorder::count_handshake(host, tls::ClientAuth::strict, report, 3ms);
}

}  // namespace

TEST_CASE("full, resumed and failed handshakes are timed apart, and alike ones counted together") {
  MetricRecorder recorder;
  auto& host = recorder.host("pay");
  for (int i = 0; i < 3; ++i) handshake(host, core::Reason::none, false);
  for (int i = 0; i < 2; ++i) handshake(host, core::Reason::none, true);
  handshake(host, core::Reason::revoked, true);
  handshake(host, core::Reason::expired, false);
  CHECK(observations(host.full_handshakes) == 3);
  CHECK(observations(host.resumed_handshakes) == 2);
  CHECK(observations(host.failed_handshakes) == 2);
  REQUIRE(host.handshakes.size() == 4);
  CHECK(host.handshakes[0].count == 3);
  CHECK(host.handshakes[1].count == 2);
}

TEST_CASE("a request counts for its method and status, for its client, and for a refusal if it was one") {
  MetricRecorder recorder;
  auto& host = recorder.host("pay");
  const auto request = [&](std::string_view method, unsigned status, core::Reason reason, ClientKind client) {
    MetricRecorder::count_request(
        host, {.method = method, .status = status, .reason = reason, .client = client, .duration = 3ms});
  };
  request("GET", 200, core::Reason::none, ClientKind::verified);
  request("GET", 200, core::Reason::none, ClientKind::anonymous);
  request("BREW", 403, core::Reason::policy_denied, ClientKind::anonymous);
  request("MAKE", 403, core::Reason::policy_denied, ClientKind::none);
  CHECK(host.requests_by_client == std::array<std::uint64_t, 3>{1, 2, 1});
  REQUIRE(host.requests.size() == 2);
  CHECK(host.requests[0].count == 2);
  CHECK(host.requests[1].method == "OTHER");
  CHECK(host.requests[1].count == 2);
  REQUIRE(host.refusals.size() == 1);
  CHECK(host.refusals[0].count == 2);
  CHECK(observations(host.request_duration) == 4);
}

TEST_CASE("a virtual host keeps its counters while others come") {
  MetricRecorder recorder;
  auto& first = recorder.host("first");
  for (int i = 0; i < 1000; ++i) recorder.host("host-" + std::to_string(i));
  CHECK(&recorder.host("first") == &first);
}

TEST_CASE("each kind of client has its word") {
  CHECK(to_string(ClientKind::verified) == "verified");
  CHECK(to_string(ClientKind::anonymous) == "anonymous");
  CHECK(to_string(ClientKind::none) == "none");
}
