#include "gatewayd/metrics_text.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "gatewayd/metric_family.h"
#include "temp_folder.h"
#include "tls/crl_index.h"

using namespace gateway;
using namespace gateway::gatewayd;
using std::chrono_literals::operator""ms;

namespace {

// CRLs as an index describes them: one without an end, one that a later one replaces, two for parts of one issuer.
struct DescribedCrls final : tls::CrlIndex {
  static Info info(const char* issuer, std::int64_t next_update, bool superseded = false) {
    return {.issuer = issuer,
            .number = {},
            .this_update = {},
            .next_update = next_update == 0 ? std::chrono::sys_seconds::max()
                                            : std::chrono::sys_seconds(std::chrono::seconds(next_update)),
            .entries = 0,
            .superseded = superseded};
  }
  std::vector<Info> describe() const override {
    return {info("CN=Root", 1'000'000'000, true), info("CN=Root", 1'960'000'000), info("CN=Sub", 1'970'000'000),
            info("CN=Sub", 1'950'000'000), info("CN=Forever", 0)};
  }
  bool is_anchor(const core::Sha256&) const override { return false; }
  Finding look_up(const core::Sha256&, std::string_view, bool, std::chrono::sys_seconds) const override {
    return Finding::no_crl;
  }
  void show_issuer(const x509_st*, const core::Sha256&, ossl_lib_ctx_st*) const override {}
  void show_issuers_of(const CrlIndex&) const override {}
};

// Two workers that have seen a little of everything, under a config with one TLS host and one upstream.
struct Scene {
  Scene() {
    auto snapshot = std::make_shared<proxy::Snapshot>();
    snapshot->generation = 7;
    auto options = std::make_shared<tls::HostOptions>();
    options->name = "pay";
    auto trust = std::make_shared<tls::TrustSet>();
    trust->name = "partners";
    trust->crls = std::make_shared<DescribedCrls>();
    trust->crl_grace = std::chrono::seconds(3600);
    options->trust = trust;
    snapshot->virtual_hosts.emplace_back();
    snapshot->virtual_hosts[0].name = "pay";
    snapshot->virtual_hosts[0].tls = options;
    auto& upstream = snapshot->upstreams.emplace_back();
    upstream.name = "legacy";
    auto& endpoint = upstream.endpoints.emplace_back();
    endpoint.address = "127.0.0.1:9000";
    config.snapshot = snapshot;
    config.certificates.push_back(
        {"pay", "server", "CN=\"a\\b\"", std::chrono::sys_seconds(std::chrono::seconds(2'000'000'000))});
    config.certificates.push_back(
        {"pay", "server", "CN=\"a\\b\"", std::chrono::sys_seconds(std::chrono::seconds(1'900'000'000))});
    for (const std::uint8_t first : {std::uint8_t{0xab}, std::uint8_t{0xcd}}) {
      config.anchors.push_back({"partners", "CN=My CA", {first}, std::chrono::sys_seconds(std::chrono::seconds(1))});
    }
    for (int i = 0; i < 2; ++i) input.workers.push_back(std::make_shared<proxy::WorkerMetrics>(worker()));
    input.config = &config;
    input.endpoints = std::make_shared<proxy::EndpointStates>();
    input.process = read_process_stats();
    input.version = "1.2.3";
    input.openssl = "3.0.0";
    input.dropped_log_lines = 5;
    input.reloads = {{{"start", ReloadResult::reloaded}, 1}, {{"signal", ReloadResult::refused}, 3}};
    input.draining = true;
    input.revocations = 3;
    input.sessions = {.sessions = 7, .capacity = 9, .evictions = 11};
    input.revocations_saved = false;
    input.workers_answering = 1;
  }

  static proxy::WorkerMetrics worker() {
    proxy::WorkerMetrics metrics;
    auto& host = metrics.hosts["pay"];
    host.handshakes.push_back({tls::ClientAuth::strict, core::Reason::none, tls::ProtocolVersion::tls13, true, 3});
    host.handshakes.push_back({tls::ClientAuth::strict, core::Reason::expired, tls::ProtocolVersion::tls12, false, 2});
    host.full_handshakes.observe(3ms);
    host.full_handshakes.observe(20'000ms);
    host.resumed_handshakes.observe(1ms);
    host.failed_handshakes.observe(10'000ms);
    host.requests_by_client = {7, 0, 0};
    host.verified_clients = 3;
    host.requests.push_back({"GET", 200, 10});
    host.refusals.push_back({core::Reason::no_route, 1});
    host.decisions.push_back({"p", "r", true, 4});
    host.live_closed.push_back({core::Reason::revoked, 2});
    metrics.anchors[{"partners", core::Sha256{0xab}}] = {5, std::chrono::sys_seconds(std::chrono::seconds(9))};
    metrics.anchors[{"others", core::Sha256{0xcd}}] = {5, {}};
    metrics.hosts[""].handshakes.push_back({tls::ClientAuth::off, core::Reason::not_tls, std::nullopt, false, 1});
    metrics.endpoints[{"legacy", "127.0.0.1:9000"}].requests[0] = 9;
    metrics.endpoints[{"legacy", "127.0.0.1:9000"}].idle = 2;
    metrics.endpoints[{"legacy", "127.0.0.1:9000"}].response_duration.observe(30ms);
    metrics.endpoints[{"legacy", "127.0.0.1:9001"}].response_duration.observe(40ms);
    metrics.client_connections = 11;
    metrics.refused_at_limit = 1;
    return metrics;
  }

  config::LoadedConfig config;
  MetricsInput input;
  SeriesLimit limit;
};

bool has(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

}  // namespace

TEST_CASE("the shards of all workers are summed, with labels that say what they count") {
  Scene scene;
  const auto text = metrics_text(scene.input, scene.limit);
  for (
      const char* line :
      {R"(gateway_tls_handshakes_total{virtual_host="pay",client_auth="strict",outcome="success",)"
       R"(reason="none",tls_version="TLSv1.3",resumed="true"} 6)",
       R"(gateway_tls_handshakes_total{virtual_host="pay",client_auth="strict",outcome="failure",)"
       R"(reason="expired",tls_version="TLSv1.2",resumed="false"} 4)",
       R"(gateway_tls_handshakes_total{virtual_host="none",client_auth="none",outcome="failure",)"
       R"(reason="not_tls",tls_version="none",resumed="false"} 2)",
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",outcome="success",resumed="false",le="0.0025"} 0)",
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",outcome="success",resumed="false",le="0.005"} 2)",
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",outcome="success",resumed="false",le="10"} 2)",
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",outcome="success",resumed="false",le="+Inf"} 4)",
       R"(gateway_tls_handshake_duration_seconds_count{virtual_host="pay",outcome="success",resumed="false"} 4)",
       R"(gateway_tls_handshake_duration_seconds_count{virtual_host="pay",outcome="success",resumed="true"} 2)",
       R"(gateway_tls_handshake_duration_seconds_count{virtual_host="pay",outcome="failure",resumed="false"} 2)",
       R"(gateway_tls_handshake_duration_seconds_count{virtual_host="none",outcome="failure",resumed="false"} 0)",
       R"(gateway_http_requests_by_client_total{virtual_host="pay",client="verified"} 14)",
       R"(gateway_tls_anchor_handshakes_total{trust="partners",anchor="CN=My CA",fingerprint="ab00000000000000"} 10)",
       R"(gateway_tls_anchor_handshakes_total{trust="partners",anchor="CN=My CA",fingerprint="cd00000000000000"} 0)",
       R"(gateway_live_connections_closed_total{virtual_host="pay",reason="revoked"} 4)",
       R"(gateway_live_connections_closed_total{virtual_host="pay",reason="expired"} 0)",
       R"(gateway_tls_sessions 7)",
       R"(gateway_tls_session_capacity 9)",
       R"(gateway_tls_session_evictions_total 11)",
       R"(gateway_emergency_revocations 3)",
       R"(gateway_emergency_revocations_saved 0)",
       R"(gateway_upstream_response_duration_seconds_bucket{upstream="legacy",le="0.05"} 4)",
       R"(gateway_crl_next_update_timestamp_seconds{trust="partners",issuer="CN=Sub"} 1950000000)",
       R"(gateway_crl_next_update_timestamp_seconds{trust="partners",issuer="CN=Root"} 1960000000)",
       R"(gateway_crl_refusal_timestamp_seconds{trust="partners",issuer="CN=Sub"} 1950003600)",
       R"(gateway_config_reloads_total{trigger="signal",result="refused"} 3)",
       R"(gateway_config_reloads_total{trigger="watch",result="timeout"} 0)",
       R"(gateway_config_reloads_total{trigger="start",result="reloaded"} 1)",
       R"(gateway_draining 1)",
       R"(gateway_workers 2)",
       R"(gateway_workers_answering 1)",
       R"(gateway_tls_client_certificates_total{virtual_host="pay",result="verified"} 6)",
       R"(gateway_policy_decisions_total{virtual_host="pay",policy="p",rule="r",decision="allow"} 8)",
       R"(gateway_http_requests_total{virtual_host="pay",method="GET",status="200"} 20)",
       R"(gateway_http_refusals_total{virtual_host="pay",reason="no_route"} 2)",
       R"(gateway_upstream_requests_total{upstream="legacy",endpoint="127.0.0.1:9000",outcome="success"} 18)",
       R"(gateway_upstream_connections{upstream="legacy",endpoint="127.0.0.1:9000",state="idle"} 4)",
       R"(gateway_upstream_endpoint_healthy{upstream="legacy",endpoint="127.0.0.1:9000"} 1)",
       R"(gateway_client_connections 22)",
       R"(gateway_client_connections_refused_total{reason="connection_limit"} 2)",
       R"(gateway_access_log_dropped_lines_total 5)",
       R"(gateway_config_generation 7)",
       R"(gateway_certificate_not_after_timestamp_seconds{virtual_host="pay",kind="server",subject="CN=\"a\\b\""} 1900000000)",
       R"(gateway_build_info{version="1.2.3",openssl="3.0.0"} 1)"}) {
    CAPTURE(line);
    CHECK(has(text, line));
  }
}

TEST_CASE("success series exist before anything has happened") {
  Scene scene;
  scene.input.workers = {std::make_shared<const proxy::WorkerMetrics>()};
  const auto text = metrics_text(scene.input, scene.limit);
  for (const char* line :
       {R"(gateway_tls_handshakes_total{virtual_host="pay",client_auth="strict",outcome="success",)"
        R"(reason="none",tls_version="TLSv1.2",resumed="false"} 0)",
        R"(gateway_http_requests_total{virtual_host="pay",method="GET",status="200"} 0)",
        R"(gateway_upstream_requests_total{upstream="legacy",endpoint="127.0.0.1:9000",outcome="success"} 0)",
        R"(gateway_tls_handshake_duration_seconds_count{virtual_host="pay",outcome="success",resumed="true"} 0)",
        R"(gateway_http_requests_by_client_total{virtual_host="pay",client="verified"} 0)",
        R"(gateway_upstream_response_duration_seconds_count{upstream="legacy"} 0)"}) {
    CAPTURE(line);
    CHECK(has(text, line));
  }
}

TEST_CASE("a CRL that is due no date or that a later one replaces is no worry") {
  Scene scene;
  const auto text = metrics_text(scene.input, scene.limit);
  CHECK(text.find("CN=Forever") == std::string::npos);
  CHECK(text.find("CN=Root\"} 1000000000") == std::string::npos);
}

TEST_CASE("a virtual host names the kinds of clients that its mode admits, and no others until they come") {
  Scene scene;
  scene.input.workers = {std::make_shared<const proxy::WorkerMetrics>()};
  CHECK(metrics_text(scene.input, scene.limit).find("client=\"anonymous\"") == std::string::npos);
  proxy::WorkerMetrics seen;
  seen.hosts["pay"].requests_by_client = {0, 2, 0};
  scene.input.workers = {std::make_shared<proxy::WorkerMetrics>(seen)};
  CHECK(has(metrics_text(scene.input, scene.limit),
            R"(gateway_http_requests_by_client_total{virtual_host="pay",client="anonymous"} 2)"));
}

TEST_CASE("promtool finds nothing to complain of") {
  if (std::system("command -v promtool > /dev/null") != 0) return;
  const TempFolder folder;
  const std::string file = folder / "metrics";
  Scene scene;
  std::ofstream(file) << metrics_text(scene.input, scene.limit);
  const std::string output = folder / "output";
  CHECK(std::system(("promtool check metrics < " + file + " > " + output + " 2>&1").c_str()) == 0);
  CHECK(std::filesystem::file_size(output) == 0);
}

TEST_CASE("beyond the limit new series are summed as other, and the old ones stay") {
  SeriesLimit limit(2);
  const auto series_of = [&](std::initializer_list<const char*> names) {
    Family family(limit, prometheus::MetricType::Counter, "x_total", "X.", {"name"});
    for (const char* name : names) family.add({name}, 1);
    std::string text;
    for (const auto& metric : family.take().metric) {
      text += metric.label[0].value + '=' + std::to_string(static_cast<int>(metric.counter.value)) + ' ';
    }
    return text;
  };
  CHECK(series_of({"m", "n"}) == "m=1 n=1 ");
  CHECK(series_of({"a", "b", "m", "n"}) == "m=1 n=1 other=2 ");
}
