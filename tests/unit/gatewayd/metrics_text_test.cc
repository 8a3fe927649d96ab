#include "gatewayd/metrics_text.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "gatewayd/metric_family.h"
#include "temp_folder.h"

using namespace gateway;
using namespace gateway::gatewayd;
using std::chrono_literals::operator""ms;

namespace {

// Two workers that have seen a little of everything, under a config with one TLS host and one upstream.
struct Scene {
  Scene() {
    auto snapshot = std::make_shared<proxy::Snapshot>();
    snapshot->generation = 7;
    auto options = std::make_shared<tls::HostOptions>();
    options->name = "pay";
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
    for (int i = 0; i < 2; ++i) input.workers.push_back(std::make_shared<proxy::WorkerMetrics>(worker()));
    input.config = &config;
    input.endpoints = std::make_shared<proxy::EndpointStates>();
    input.process = read_process_stats();
    input.version = "1.2.3";
    input.openssl = "3.0.0";
    input.dropped_log_lines = 5;
  }

  static proxy::WorkerMetrics worker() {
    proxy::WorkerMetrics metrics;
    auto& host = metrics.hosts["pay"];
    host.handshakes.push_back({tls::ClientAuth::strict, core::Reason::none, tls::ProtocolVersion::tls13, true, 3});
    host.handshakes.push_back({tls::ClientAuth::strict, core::Reason::expired, tls::ProtocolVersion::tls12, false, 2});
    host.handshake_duration.observe(3ms);
    host.handshake_duration.observe(20'000ms);
    host.verified_clients = 3;
    host.requests.push_back({"GET", 200, 10});
    host.refusals.push_back({core::Reason::no_route, 1});
    host.decisions.push_back({"p", "r", true, 4});
    metrics.hosts[""].handshakes.push_back({tls::ClientAuth::off, core::Reason::not_tls, std::nullopt, false, 1});
    metrics.endpoints[{"legacy", "127.0.0.1:9000"}].requests[0] = 9;
    metrics.endpoints[{"legacy", "127.0.0.1:9000"}].idle = 2;
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
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",le="0.0025"} 0)",
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",le="0.005"} 2)",
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",le="10"} 2)",
       R"(gateway_tls_handshake_duration_seconds_bucket{virtual_host="pay",le="+Inf"} 4)",
       R"(gateway_tls_handshake_duration_seconds_count{virtual_host="pay"} 4)",
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
        R"(gateway_tls_handshake_duration_seconds_count{virtual_host="pay"} 0)"}) {
    CAPTURE(line);
    CHECK(has(text, line));
  }
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
