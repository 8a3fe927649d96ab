#include <algorithm>
#include <map>
#include <set>

#include "gatewayd/anchor_usage.h"
#include "gatewayd/metrics_writer.h"
#include "tls/crl_index.h"

namespace gateway::gatewayd {
namespace {

std::string word(bool value) {
  return value ? "true" : "false";
}

void add_handshakes(MetricsWriter& writer) {
  auto handshakes = writer.counter("gateway_tls_handshakes_total", "TLS handshakes, and why the failed ones failed.",
                                   {"virtual_host", "client_auth", "outcome", "reason", "tls_version", "resumed"});
  auto durations = writer.histogram(
      "gateway_tls_handshake_duration_seconds",
      "Time from the accepted connection to the end of its TLS handshake; full, resumed and failed ones.",
      {"virtual_host", "outcome", "resumed"});
  auto clients = writer.counter("gateway_tls_client_certificates_total",
                                "Established TLS connections with a verified client certificate, or without one.",
                                {"virtual_host", "result"});
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (!host.tls) continue;
    for (const auto version : {tls::ProtocolVersion::tls12, tls::ProtocolVersion::tls13}) {
      if (version < host.tls->settings.min_version || version > host.tls->settings.max_version) continue;
      for (const bool resumed : {false, true}) {
        handshakes.add(
            {host.name, MetricsWriter::label_of(tls::to_string(host.tls->client_auth)), "success",
             std::string(MetricsWriter::kNone), MetricsWriter::label_of(tls::to_string(version)), word(resumed)},
            0);
      }
    }
    durations.add({host.name, "success", word(false)}, core::Histogram{});
    durations.add({host.name, "success", word(true)}, core::Histogram{});
    clients.add({host.name, "verified"}, 0);
    clients.add({host.name, "anonymous"}, 0);
  }
  durations.add({std::string(MetricsWriter::kNone), "failure", word(false)}, core::Histogram{});
  writer.each_host([&](const std::string& name, const proxy::HostMetrics& host) {
    for (const auto& one : host.handshakes) {
      const bool success = one.reason == core::Reason::none;
      // Before a virtual host was chosen there is no mode either.
      const auto mode = name == MetricsWriter::kNone ? MetricsWriter::kNone : tls::to_string(one.client_auth);
      handshakes.add(
          {name, MetricsWriter::label_of(mode), success ? "success" : "failure",
           MetricsWriter::label_of(core::to_string(one.reason)),
           one.version ? MetricsWriter::label_of(tls::to_string(*one.version)) : std::string(MetricsWriter::kNone),
           word(one.resumed)},
          number(one.count));
    }
    if (host.handshakes.empty()) return;  // a host without TLS
    if (!host.failed_handshakes.empty()) durations.add({name, "failure", word(false)}, host.failed_handshakes);
    if (name == MetricsWriter::kNone) return;
    durations.add({name, "success", word(false)}, host.full_handshakes);
    durations.add({name, "success", word(true)}, host.resumed_handshakes);
    clients.add({name, "verified"}, number(host.verified_clients));
    clients.add({name, "anonymous"}, number(host.anonymous_clients));
  });
  writer.add(handshakes);
  writer.add(durations);
  writer.add(clients);
}

void add_sessions(MetricsWriter& writer) {
  const auto& sessions = writer.input().sessions;
  writer.add_single(writer.gauge("gateway_tls_sessions", "TLS sessions kept in the process, for clients to resume."),
                    number(sessions.sessions));
  writer.add_single(writer.gauge("gateway_tls_session_capacity", "How many there may be; 0 if sessions are tickets."),
                    number(sessions.capacity));
  writer.add_single(writer.counter("gateway_tls_session_evictions_total",
                                   "TLS sessions that made room for others before their end or use."),
                    number(sessions.evictions));
}

void add_anchors(MetricsWriter& writer) {
  auto handshakes = writer.counter("gateway_tls_anchor_handshakes_total",
                                   "Established TLS connections with a client certificate under this trust anchor.",
                                   {"trust", "anchor", "fingerprint"});
  for (const auto& usage : anchor_usage(*writer.input().config, writer.input().workers)) {
    handshakes.add({usage.anchor->trust, usage.anchor->subject, usage.short_fingerprint()}, number(usage.handshakes));
  }
  writer.add(handshakes);
}

void add_verifications(MetricsWriter& writer) {
  tls::VerificationCounts all;
  for (const auto& worker : writer.input().workers) {
    const tls::VerificationCounts& one = worker->verification;
    all.chain_hits += one.chain_hits;
    all.chain_misses += one.chain_misses;
    all.chain_evictions += one.chain_evictions;
    all.chains += one.chains;
    all.certificates_parsed += one.certificates_parsed;
    all.certificates_shared += one.certificates_shared;
  }
  auto lookups =
      writer.counter("gateway_tls_chain_cache_lookups_total",
                     "Client chains of full handshakes: known to the worker, or verified in full.", {"result"});
  lookups.add({"hit"}, number(all.chain_hits));
  lookups.add({"miss"}, number(all.chain_misses));
  auto evictions = writer.counter("gateway_tls_chain_cache_evictions_total",
                                  "Verified client chains that a worker forgot for want of room.");
  evictions.add({}, number(all.chain_evictions));
  auto chains = writer.gauge("gateway_tls_chain_cache_chains", "Verified client chains that the workers know now.");
  chains.add({}, number(all.chains));
  auto parses =
      writer.counter("gateway_tls_certificate_parses_total",
                     "Certificates that clients presented: parsed, or shared with an earlier handshake.", {"result"});
  parses.add({"parsed"}, number(all.certificates_parsed));
  parses.add({"shared"}, number(all.certificates_shared));
  writer.add(lookups);
  writer.add(evictions);
  writer.add(chains);
  writer.add(parses);
}

void add_certificates(MetricsWriter& writer) {
  auto ends = writer.gauge("gateway_certificate_not_after_timestamp_seconds",
                           "When a certificate that is served or trusted expires; of several of one name the first.",
                           {"virtual_host", "kind", "subject"});
  // Two CAs may share a subject (a renewed one): an alert wants the one that ends first.
  std::map<Family::Values, double> earliest;
  for (const auto& one : writer.input().config->certificates) {
    const auto [found, is_new] = earliest.try_emplace(
        {MetricsWriter::label_of(one.virtual_host), one.kind, one.subject}, seconds_of(one.not_after));
    if (!is_new) found->second = std::min(found->second, seconds_of(one.not_after));
  }
  for (const auto& [values, end] : earliest) ends.add(values, end);
  writer.add(ends);
}

void add_crls(MetricsWriter& writer) {
  auto updates = writer.gauge("gateway_crl_next_update_timestamp_seconds",
                              "When a CRL that is in force is due to be replaced; of several of one issuer the first.",
                              {"trust", "issuer"});
  auto refusals = writer.gauge("gateway_crl_refusal_timestamp_seconds",
                               "When a CRL that is in force begins to refuse unless it is replaced: with its grace.",
                               {"trust", "issuer"});
  struct Ends {
    double update;
    double refusal;
  };
  std::map<Family::Values, Ends> earliest;
  std::set<const tls::TrustSet*> seen;  // hosts share them
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (!host.tls || !host.tls->trust || !seen.insert(host.tls->trust.get()).second) continue;
    const tls::TrustSet& trust = *host.tls->trust;
    for (const auto& crl : trust.crls->describe()) {
      if (crl.superseded || crl.next_update == std::chrono::sys_seconds::max()) continue;
      const Ends ends{seconds_of(crl.next_update), seconds_of(crl.next_update + trust.crl_grace)};
      const auto [found, is_new] = earliest.try_emplace({trust.name, crl.issuer}, ends);
      if (!is_new && ends.update < found->second.update) found->second = ends;
    }
  }
  for (const auto& [values, ends] : earliest) {
    updates.add(values, ends.update);
    refusals.add(values, ends.refusal);
  }
  writer.add(updates);
  writer.add(refusals);
}

}  // namespace

void add_tls_metrics(MetricsWriter& writer) {
  add_handshakes(writer);
  add_sessions(writer);
  add_anchors(writer);
  add_verifications(writer);
  add_certificates(writer);
  add_crls(writer);
}

}  // namespace gateway::gatewayd
