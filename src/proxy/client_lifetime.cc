// How long a client connection may live: its deadlines, the verdicts on it while it is open, its end.
#include <algorithm>

#include "proxy/client_connection.h"
#include "proxy/exchange.h"

namespace gateway::proxy {

core::Reason ClientConnection::adopt_newest() {
  judged_by_ = worker_.rules();
  if (snapshot_ != worker_.snapshot()) {
    const Snapshot& newest = *worker_.snapshot();
    std::optional<std::uint32_t> listener_now;
    for (std::uint32_t i = 0; i < newest.listeners.size(); ++i) {
      if (newest.listeners[i].bind == listener().bind && newest.listeners[i].protocol == listener().protocol)
        listener_now = i;
    }
    std::optional<std::uint32_t> host_now;
    if (host_) {
      host_now = worker_.host_named(snapshot_->virtual_hosts[*host_].name);
      if (!host_now || !newest.virtual_hosts[*host_now].tls) return core::Reason::wrong_host;
      const core::Reason stricter = tls::judge_stricter_host(facts_.peer.get(), *snapshot_->virtual_hosts[*host_].tls,
                                                             *newest.virtual_hosts[*host_now].tls);
      if (stricter != core::Reason::none) return stricter;
    }
    if (!listener_now) return core::Reason::draining;
    snapshot_ = worker_.snapshot();
    listener_ = *listener_now;
    host_ = host_now;
  }
  // Who is barred has no more to lose, and must stay long enough to be told.
  if (!host_ || facts_.barred != core::Reason::none) return core::Reason::none;
  const tls::HostOptions& host = *snapshot_->virtual_hosts[*host_].tls;
  const auto now = wall_clock();
  tls::RevocationKnowledge& known = worker_.contexts()->revocations();
  const core::Reason reason = tls::judge_live(facts_.peer.get(), now, host, known);
  if (reason != core::Reason::none) return reason;
  // Asks in time for the next answer. That there is none yet ends nobody: the next request waits for it.
  return worker_.ocsp.look(known.ocsp, facts_.peer.get(), host, now).reason;
}

bool ClientConnection::may_be_told(core::Reason reason) const {
  const bool by_ocsp = reason == core::Reason::ocsp_revoked || reason == core::Reason::ocsp_unavailable;
  return by_ocsp && (exchange_ ? exchange_->is_deciding() : !served_);
}

void ClientConnection::report_closed(core::Reason reason) {
  if (host_metrics_ != nullptr) MetricRecorder::count_live_closed(*host_metrics_, reason);
  const VirtualHost* const host = host_ ? &snapshot_->virtual_hosts[*host_] : nullptr;
  worker_.log(ConnectionRecord{
      .time = std::chrono::system_clock::now(),
      .source_ip = facts_.source_text,
      .source_port = facts_.source_port,
      .listener = listener().name,
      .virtual_host = host != nullptr ? std::string_view(host->name) : std::string_view{},
      .client_auth = host != nullptr && host->tls ? tls::to_string(host->tls->client_auth) : std::string_view{},
      .sni = facts_.sni,
      .identity = facts_.identity(),
      .reason = reason,
      .duration =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(uv_hrtime() - accepted_at_))});
}

core::Reason ClientConnection::judge_again() {
  if (phase_ == Phase::handshake || phase_ == Phase::closing || phase_ == Phase::over) return core::Reason::none;
  if (close_after_response_) {
    if (worker_.loop.now() >= end_by_) abort();
    return core::Reason::none;
  }
  const core::Reason reason = adopt_newest();
  if (reason == core::Reason::none || may_be_told(reason)) return core::Reason::none;
  report_closed(reason);
  close_after_response_ = true;
  end_by_ = worker_.loop.now() + static_cast<std::uint64_t>(snapshot_->timeouts.drain.count());
  if (exchange_ && !exchange_->is_tunnel()) return reason;
  if (exchange_) {
    exchange_->client_gone(reason, "the connection was judged again");
  } else {
    close(false);
  }
  return reason;
}

core::Milliseconds ClientConnection::idle_time() const {
  return worker_.drain_announced ? std::min(timeouts().keep_alive, core::kAnnouncedIdleTime) : timeouts().keep_alive;
}

void ClientConnection::announce_drain() {
  if (phase_ == Phase::idle && served_) deadline_.set(idle_time());
}

void ClientConnection::begin_drain() {
  if (phase_ == Phase::idle || phase_ == Phase::handshake || phase_ == Phase::head) close(false);
  if (exchange_ && exchange_->is_tunnel()) exchange_->client_gone(core::Reason::draining, "draining");
}

void ClientConnection::abort() {
  stream_.abort();
  if (exchange_) exchange_->client_gone(core::Reason::draining, "stopped");
  over();
}

void ClientConnection::close(bool linger) {
  if (phase_ == Phase::closing || phase_ == Phase::over) return;
  enter(Phase::closing, core::kLingerTime);
  if (stream_.pending_output() > core::kOutputLowWater) deadline_.set(snapshot_->timeouts.body_idle);
  stream_.close(linger);
}

void ClientConnection::over() {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  deadline_.cancel();
  owner_.connection_ended(*this);
}

void ClientConnection::on_deadline() {
  switch (phase_) {
    case Phase::handshake:
      stream_.session()->abandon(core::Reason::timeout);
      handshake_over(stream_.session()->report());
      abort();
      return;
    case Phase::head:
      refuse_request({.reason = core::Reason::timeout, .status = 408, .detail = "the request's head took too long"});
      return;
    case Phase::idle:
      close(false);
      return;
    case Phase::exchange:
      on_exchange_deadline();
      return;
    case Phase::closing:
      abort();
      return;
    case Phase::over:
      return;
  }
}

void ClientConnection::on_exchange_deadline() {
  const auto limit = static_cast<std::uint64_t>(exchange_->timeouts().body_idle.count());
  const bool waits_for_client =
      stream_.pending_output() != 0 || (!exchange_->is_tunnel() && !request_complete_ && exchange_->wants_body());
  const std::uint64_t now = worker_.loop.now();
  if (!waits_for_client) last_progress_ = now;
  if (now - last_progress_ >= limit) {
    exchange_->on_client_timeout();
    return;
  }
  deadline_.set(core::Milliseconds(static_cast<std::int64_t>(limit - (now - last_progress_))));
}

}  // namespace gateway::proxy
