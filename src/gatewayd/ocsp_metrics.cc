#include "gatewayd/metrics_writer.h"
#include "tls/ocsp_table.h"

namespace gateway::gatewayd {
namespace {

using What = tls::OcspEntry::What;

// Or has asked: a counter that went away would look like a reset.
bool asks_ocsp(const MetricsWriter& writer) {
  if (writer.input().ocsp.queries != decltype(OcspReport::queries){}) return true;
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (host.tls && host.tls->trust && host.tls->trust->ocsp) return true;
  }
  return false;
}

void add_decisions(MetricsWriter& writer) {
  auto decisions = writer.counter("gateway_ocsp_decisions_total",
                                  "Requests of clients whose OCSP status is asked for, by what was known of it.",
                                  {"virtual_host", "decision"});
  constexpr std::array kWhats = {What::good, What::revoked, What::unknown, What::unavailable};
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (!host.tls || !host.tls->trust || !host.tls->trust->ocsp) continue;
    for (const What what : kWhats) decisions.add({host.name, std::string(to_string(what))}, 0);
  }
  writer.each_host([&](const std::string& name, const proxy::HostMetrics& host) {
    for (const What what : kWhats) {
      const std::uint64_t count = host.ocsp[static_cast<std::size_t>(what)];
      if (count != 0) decisions.add({name, std::string(to_string(what))}, number(count));
    }
  });
  writer.add(decisions);
}

}  // namespace

void add_ocsp_metrics(MetricsWriter& writer) {
  const OcspReport& report = writer.input().ocsp;
  add_decisions(writer);
  auto queries =
      writer.counter("gateway_ocsp_queries_total",
                     "Certificates that OCSP responders were asked about, and what came of it.", {"outcome"});
  auto durations = writer.histogram("gateway_ocsp_query_duration_seconds",
                                    "Time from a question to an OCSP responder to its answer, or to giving up.", {});
  auto hits = writer.counter("gateway_ocsp_cache_hits_total",
                             "Questions of workers that needed no responder, by what answered them.", {"by"});
  auto asking = writer.gauge("gateway_ocsp_queries", "Certificates that are being asked about, or wait for their turn.",
                             {"state"});
  auto known = writer.gauge("gateway_ocsp_known_certificates", "Certificates whose OCSP status the cache has.");
  auto waiting = writer.gauge("gateway_ocsp_waiting_requests", "Requests that wait for an OCSP answer.");
  if (asks_ocsp(writer)) {
    for (std::size_t i = 0; i < kOcspOutcomes; ++i) {
      queries.add({std::string(to_string(static_cast<OcspOutcome>(i)))}, number(report.queries[i]));
    }
    durations.add({}, report.duration);
    hits.add({"cache"}, number(report.cache_hits));
    hits.add({"question_under_way"}, number(report.coalesced));
    asking.add({"asked"}, number(report.asking));
    asking.add({"queued"}, number(report.queued));
    known.add({}, number(report.known));
    waiting.add({}, 0);
    for (const auto& worker : writer.input().workers) waiting.add({}, number(worker->ocsp_waiting));
  }
  for (auto* family : {&queries, &durations, &hits, &asking, &known, &waiting}) writer.add(*family);
}

}  // namespace gateway::gatewayd
