#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "gatewayd/metrics_writer.h"
#include "tls/digest.h"

namespace gateway::gatewayd {
namespace {

// The URLs of the config, so no label comes from elsewhere.
void add_crl_sources(MetricsWriter& writer) {
  auto fetches = writer.counter("gateway_crl_fetches_total",
                                "Attempts to fetch a CRL by its URL, and what became of each.", {"url", "result"});
  auto failing =
      writer.gauge("gateway_crl_fetch_failing", "1 while the last attempt to fetch this CRL has failed.", {"url"});
  auto success = writer.gauge("gateway_crl_fetch_last_success_timestamp_seconds",
                              "When this CRL was last fetched, or found unchanged.", {"url"});
  if (writer.input().crls) {
    for (const CrlSourceState& crl : *writer.input().crls) {
      fetches.add({crl.url, "replaced"}, number(crl.replaced));
      fetches.add({crl.url, "unchanged"}, number(crl.unchanged));
      fetches.add({crl.url, "failed"}, number(crl.failed));
      fetches.add({crl.url, "refused"}, number(crl.refused));
      failing.add({crl.url}, crl.fault.empty() ? 0 : 1);
      if (crl.last_success) success.add({crl.url}, seconds_of(*crl.last_success));
    }
  }
  writer.add(fetches);
  writer.add(failing);
  writer.add(success);
}

// Trust sets that name URLs: whether all of these have a copy by now.
void add_pending_crls(MetricsWriter& writer) {
  auto pending =
      writer.gauge("gateway_crl_pending",
                   "1 while a trust set waits for the first copy of a CRL and refuses its clients.", {"trust"});
  std::map<std::string, double> sets;
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (host.tls && host.tls->trust) sets[host.tls->trust->name] = host.tls->trust->crls_pending ? 1 : 0;
  }
  for (const auto& [name, value] : sets) pending.add({name}, value);
  writer.add(pending);
}

// A host may have several certificates of one subject: the worst counts.
struct HostStaples {
  bool all_valid = true;
  std::optional<double> first_end;
  double good = 0;
  double revoked = 0;
  double failed = 0;
};

HostStaples& operator+=(HostStaples& sum, const StapleState& state) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  sum.all_valid = sum.all_valid && state.until && *state.until > now;
  if (state.until) sum.first_end = std::min(sum.first_end.value_or(seconds_of(*state.until)), seconds_of(*state.until));
  sum.good += number(state.good);
  sum.revoked += number(state.revoked);
  sum.failed += number(state.failed);
  return sum;
}

void add_staples(MetricsWriter& writer) {
  if (!writer.input().staples) return;
  std::map<Family::Values, HostStaples> sums;
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (!host.tls) continue;
    for (const auto& stapled : host.tls->stapled) {
      const auto state =
          std::ranges::find(*writer.input().staples, tls::sha256({stapled.certificate}), &StapleState::certificate);
      if (state != writer.input().staples->end()) sums[{MetricsWriter::label_of(host.name), state->subject}] += *state;
    }
  }
  const std::vector<std::string> labels{"virtual_host", "subject"};
  auto valid =
      writer.gauge("gateway_ocsp_staple_valid", "1 while there is an OCSP response to staple, else 0.", labels);
  auto next = writer.gauge("gateway_ocsp_staple_next_update_timestamp_seconds",
                           "Until when the OCSP response that is stapled counts.", labels);
  auto fetches = writer.counter("gateway_ocsp_staple_fetches_total",
                                "Attempts to get an OCSP response to staple, and what became of each.",
                                {"virtual_host", "subject", "result"});
  for (const auto& [values, sum] : sums) {
    valid.add(values, sum.all_valid ? 1 : 0);
    if (sum.first_end) next.add(values, *sum.first_end);
    fetches.add({values[0], values[1], "good"}, sum.good);
    fetches.add({values[0], values[1], "revoked"}, sum.revoked);
    fetches.add({values[0], values[1], "failed"}, sum.failed);
  }
  writer.add(valid);
  writer.add(next);
  writer.add(fetches);
}

}  // namespace

void add_status_metrics(MetricsWriter& writer) {
  add_crl_sources(writer);
  add_pending_crls(writer);
  add_staples(writer);
}

}  // namespace gateway::gatewayd
