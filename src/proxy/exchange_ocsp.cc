// What comes before every request's decision: the OCSP status of its client.
#include "proxy/client_connection.h"
#include "proxy/exchange.h"

namespace gateway::proxy {

void Exchange::begin() {
  const auto host = client_.host();
  if (!host || !snapshot_->virtual_hosts[*host].tls) return decide();
  const VirtualHost& virtual_host = snapshot_->virtual_hosts[*host];
  const OcspFinding finding = worker_.ocsp.look(worker_.contexts()->revocations().ocsp, client_.facts().peer.get(),
                                                *virtual_host.tls, wall_clock());
  if (!finding.asked_for) return decide();
  // For the log line, whatever comes of it.
  admission_.virtual_host = &virtual_host;
  metrics_ = &worker_.recorder.host(virtual_host.name);
  if (!finding.known) return ocsp_wait_.begin(finding.key);
  judge_ocsp(finding.what, finding.reason, finding.detail);
}

void Exchange::on_ocsp(const tls::OcspEntry& entry) {
  const core::Reason reason = entry.judge(admission_.virtual_host->tls->trust->ocsp->settings.mode);
  judge_ocsp(entry.what, reason, entry.detail);
  // While it waited nothing of the client's was read but what was on its way.
  if (state_ != State::finished) client_.continue_input();
}

void Exchange::judge_ocsp(tls::OcspEntry::What what, core::Reason reason, std::string_view detail) {
  ++metrics_->ocsp[static_cast<std::size_t>(what)];
  if (reason == core::Reason::none) return decide();
  close_client_ = true;
  refuse(reason, detail);
}

}  // namespace gateway::proxy
