#include "proxy/metric_recorder.h"

#include <doctest/doctest.h>

#include "tls/crl_index.h"

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

namespace {

// Trusts one certificate.
struct OneAnchor final : tls::CrlIndex {
  std::vector<Info> describe() const override { return {}; }
  bool is_anchor(const core::Sha256& fingerprint) const override { return fingerprint == core::Sha256{1}; }
  Finding look_up(const core::Sha256&, std::string_view, bool, std::chrono::sys_seconds) const override {
    return Finding::no_crl;
  }
  void show_issuer(const x509_st*, const core::Sha256&, ossl_lib_ctx_st*) const override {}
  void show_issuers_of(const CrlIndex&) const override {}
};

}  // namespace

TEST_CASE("trust anchors are counted as long as a host's trust set has them") {
  const auto trust = std::make_shared<tls::TrustSet>();
  trust->name = "partners";
  trust->crls = std::make_shared<OneAnchor>();
  tls::TrustSet other = *trust;
  other.name = "others";
  MetricRecorder recorder;
  recorder.count_anchor(*trust, {1}, std::chrono::sys_seconds(std::chrono::seconds(7)));
  recorder.count_anchor(*trust, {1}, std::chrono::sys_seconds(std::chrono::seconds(9)));
  recorder.count_anchor(*trust, {2}, {});
  recorder.count_anchor(other, {1}, {});
  CHECK(recorder.metrics().anchors.size() == 3);
  auto snapshot = std::make_shared<Snapshot>();
  auto options = std::make_shared<tls::HostOptions>();
  options->trust = trust;
  snapshot->virtual_hosts.resize(2);
  snapshot->virtual_hosts[1].tls = options;
  recorder.keep_anchors_of(SnapshotIndex(snapshot));
  const auto& anchors = recorder.metrics().anchors;
  REQUIRE(anchors.size() == 1);
  CHECK(anchors.begin()->first == AnchorKey{"partners", {1}});
  CHECK(anchors.begin()->second.handshakes == 2);
  CHECK((anchors.begin()->second.last == std::chrono::sys_seconds(std::chrono::seconds(9))));
}

TEST_CASE("live connections that were ended are counted by reason") {
  MetricRecorder recorder;
  auto& host = recorder.host("pay");
  for (const auto reason : {core::Reason::revoked, core::Reason::expired, core::Reason::revoked}) {
    MetricRecorder::count_live_closed(host, reason);
  }
  REQUIRE(host.live_closed.size() == 2);
  CHECK(host.live_closed[0].reason == core::Reason::revoked);
  CHECK(host.live_closed[0].count == 2);
  CHECK(host.live_closed[1].count == 1);
}
