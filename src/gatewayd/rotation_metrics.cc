#include <set>

#include "gatewayd/metrics_writer.h"
#include "gatewayd/stale_items.h"

namespace gateway::gatewayd {
namespace {

using config::ItemKind;

void add_stale(MetricsWriter& writer) {
  auto stale =
      writer.gauge("gateway_rotation_stale",
                   "1 while the files of a certificate, CA, CRL or the ticket keys can't be taken, and what was "
                   "in use before is kept.",
                   {"item", "name"});
  std::set<config::Item> items;
  for (const auto& host : writer.snapshot().virtual_hosts) {
    if (!host.tls) continue;
    items.insert({ItemKind::certificate, host.name});
    if (!host.tls->trust) continue;
    items.insert({ItemKind::ca, host.tls->trust->name});
    items.insert({ItemKind::crl, host.tls->trust->name});
  }
  if (writer.input().config->ticket_keys) items.insert({ItemKind::ticket_keys, std::string(config::kTicketKeysName)});
  const auto& found = writer.input().stale->all();
  for (const auto& [item, one] : found) items.insert(item);
  for (const config::Item& item : items) {
    const auto one = found.find(item);
    const bool is_alarm = one != found.end() && one->second.is_alarm;
    stale.add({std::string(config::to_string(item.kind)), MetricsWriter::label_of(item.name)}, is_alarm ? 1 : 0);
  }
  writer.add(stale);
}

void add_counts(MetricsWriter& writer) {
  auto rotations =
      writer.counter("gateway_rotations_total",
                     "Certificates, CAs, CRLs and ticket keys whose changed files were taken without a reload, and "
                     "faults that kept what was in use.",
                     {"item", "result"});
  const auto& counts = writer.input().stale->counts();
  for (const auto kind : {ItemKind::certificate, ItemKind::ca, ItemKind::crl, ItemKind::ticket_keys}) {
    for (const auto outcome : {StaleItems::Outcome::rotated, StaleItems::Outcome::kept}) {
      const auto count = counts.find({kind, outcome});
      rotations.add({std::string(config::to_string(kind)), std::string(to_string(outcome))},
                    count == counts.end() ? 0 : number(count->second));
    }
  }
  writer.add(rotations);
}

}  // namespace

void add_rotation_metrics(MetricsWriter& writer) {
  if (writer.input().stale == nullptr) return;
  add_stale(writer);
  add_counts(writer);
}

}  // namespace gateway::gatewayd
