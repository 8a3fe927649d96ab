#include "proxy/client_connection.h"

#include <netinet/in.h>

#include <limits>
#include <utility>

#include "proxy/exchange.h"
#include "proxy/local_reply.h"

namespace gateway::proxy {
namespace {

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

}  // namespace

ClientConnection::ClientConnection(WorkerState& worker, ClientConnectionOwner& owner, std::uint32_t listener)
    : worker_(worker),
      owner_(owner),
      snapshot_(worker.snapshot()),
      listener_(listener),
      stream_(worker.loop, *this, worker.plaintext_scratch),
      deadline_(worker.wheel, [this] { on_deadline(); }),
      accepted_at_(uv_hrtime()),
      last_progress_(worker.loop.now()) {}

ClientConnection::~ClientConnection() {
  worker_.recorder.metrics().client_bytes_received += stream_.bytes_received();
  worker_.recorder.metrics().client_bytes_sent += stream_.bytes_sent();
}

// Sizes of bodies are a route's to limit: the exchange does it.
core::Limits ClientConnection::parser_limits() const {
  core::Limits limits = snapshot_->limits;
  limits.body_bytes = std::numeric_limits<std::uint64_t>::max();
  return limits;
}

RequestParser& ClientConnection::parser() {
  if (!workspace_) {
    workspace_ = worker_.workspaces.take();
    if (!workspace_) workspace_ = std::make_unique<RequestWorkspace>(parser_limits());
    workspace_->parser.reset(parser_limits());
  }
  return workspace_->parser;
}

const core::Timeouts& ClientConnection::timeouts() const {
  return host_ ? snapshot_->virtual_hosts[*host_].timeouts : snapshot_->timeouts;
}

int ClientConnection::accept(uv_stream_t* server) {
  if (const int status = stream_.accept(server); status != 0) return status;
  const sockaddr_storage peer = stream_.peer_address();
  if (const auto ip = core::IpAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&peer))) facts_.source_ip = *ip;
  facts_.source_text = facts_.source_ip.to_string();
  facts_.source_port = port_of(peer);
  return 0;
}

void ClientConnection::start() {
  if (!host_needs_tls()) {
    enter(Phase::idle, snapshot_->timeouts.request_headers);
    stream_.start(nullptr);
    return;
  }
  auto session = tls::TlsSession::create(worker_.contexts(), listener().hosts);
  if (!session) {
    abort();
    return;
  }
  enter(Phase::handshake, snapshot_->timeouts.handshake);
  stream_.start(std::move(*session));
}

void ClientConnection::enter(Phase phase, core::Milliseconds deadline) {
  phase_ = phase;
  deadline_.set(deadline);
}

void ClientConnection::handshake_over(const tls::HandshakeReport& report) {
  const bool known = report.host.has_value();
  const std::string_view host = known ? std::string_view(snapshot_->virtual_hosts[*report.host].name) : "";
  const auto mode = known ? snapshot_->virtual_hosts[*report.host].tls->client_auth : tls::ClientAuth::off;
  host_metrics_ = &worker_.recorder.host(host);
  const std::chrono::nanoseconds duration(uv_hrtime() - accepted_at_);
  MetricRecorder::count_handshake(*host_metrics_, mode, report, duration);
  if (report.reason == core::Reason::none) return;
  worker_.log(HandshakeRecord{.time = std::chrono::system_clock::now(),
                              .source_ip = facts_.source_text,
                              .source_port = facts_.source_port,
                              .listener = listener().name,
                              .virtual_host = host,
                              .client_auth = known ? tls::to_string(mode) : std::string_view{},
                              .sni = report.sni,
                              .reason = report.reason,
                              .detail = report.detail,
                              .tls_version = report.version ? tls::to_string(*report.version) : std::string_view{},
                              .offered_versions = report.offered_versions,
                              .offered_alpn = report.offered_alpn,
                              .presented_subject = report.presented_subject,
                              .presented_issuer = report.presented_issuer,
                              .duration = std::chrono::duration_cast<std::chrono::microseconds>(duration)});
}

void ClientConnection::learn(const tls::TlsSession& session) {
  const tls::HandshakeReport& report = session.report();
  host_ = session.host_index();
  facts_.tls = true;
  facts_.tls_version = report.version ? tls::to_string(*report.version) : std::string_view{};
  facts_.tls_cipher = report.cipher;
  facts_.sni = report.sni;
  facts_.resumed = report.resumed;
}

void ClientConnection::on_established() {
  const tls::TlsSession& session = *stream_.session();
  learn(session);
  facts_.peer = session.peer();
  handshake_over(session.report());
  ++(facts_.peer ? host_metrics_->verified_clients : host_metrics_->anonymous_clients);
  if (const auto& trust = snapshot_->virtual_hosts[*host_].tls->trust; facts_.peer && trust) {
    worker_.recorder.count_anchor(*trust, facts_.peer->chain.elements.back().fingerprint, wall_clock());
  }
  enter(Phase::idle, timeouts().request_headers);
  judge_again();
}

// The peer is nobody: neither verified nor anonymous. There is nothing to judge again either.
void ClientConnection::on_barred() {
  const tls::TlsSession& session = *stream_.session();
  learn(session);
  facts_.barred = session.report().reason;
  handshake_over(session.report());
  enter(Phase::idle, timeouts().request_headers);
}

void ClientConnection::on_refused() {
  const tls::HandshakeReport& report = stream_.session()->report();
  handshake_over(report);
  if (report.reason == core::Reason::plain_http) {
    std::string reply;
    std::string request_id;
    worker_.make_request_id(request_id);
    write_local_reply({.status = 400,
                       .content_type = "text/plain; charset=utf-8",
                       .body = "This port speaks HTTPS only: use https:// in the URL.\n",
                       .request_id = request_id,
                       .close = true},
                      reply);
    stream_.close_with_clear_text(reply);
    enter(Phase::closing, core::kLingerTime);
    return;
  }
  close(true);
}

bool ClientConnection::wants_input() const {
  if (phase_ == Phase::closing || phase_ == Phase::over) return false;
  if (output_blocks_input_) return false;
  if (exchange_ && (exchange_->is_tunnel() || !request_complete_) && !exchange_->wants_body()) return false;
  return waiting_input_.size() < core::kPipelineBytes;
}

void ClientConnection::on_plaintext(std::string_view data) {
  last_progress_ = worker_.loop.now();
  if (waiting_input_.empty()) {
    process(data);
    waiting_input_ = data;
    return;
  }
  waiting_input_ += data;
  process_waiting();
}

void ClientConnection::process_waiting() {
  if (waiting_input_.empty() || processing_) return;
  const std::string input = std::exchange(waiting_input_, {});
  std::string_view rest = input;
  process(rest);
  waiting_input_.insert(0, rest);
}

void ClientConnection::process(std::string_view& input) {
  if (processing_) return;
  processing_ = true;
  while (!input.empty() && phase_ != Phase::closing && phase_ != Phase::over) {
    if (exchange_ && exchange_->is_tunnel()) {
      exchange_->on_tunnel_input(input);
      input = {};
    } else if (!exchange_ && stream_.pending_output() >= core::kOutputHighWater) {
      output_blocks_input_ = true;
      break;
    } else if (!exchange_) {
      process_head(input);
    } else if (!request_complete_ && exchange_->wants_body()) {
      process_body(input);
    } else {
      break;
    }
  }
  processing_ = false;
  if (phase_ == Phase::closing || phase_ == Phase::over) input = {};
}

void ClientConnection::process_head(std::string_view& input) {
  const ParseResult result = parser().parse(input, nullptr);
  input.remove_prefix(result.consumed);
  switch (result.status) {
    case ParseStatus::failed:
      refuse_request(parser().error());
      return;
    case ParseStatus::head_complete:
      begin_exchange();
      return;
    case ParseStatus::need_more:
    case ParseStatus::message_complete:
      if (phase_ == Phase::idle && parser().started()) enter(Phase::head, timeouts().request_headers);
      return;
  }
}

void ClientConnection::begin_exchange() {
  const RequestHead& head = workspace_->parser.head();
  request_complete_ =
      head.body == BodyKind::none || (head.body == BodyKind::content_length && head.content_length == 0);
  // A connection must never serve a request under rules that it was not judged by.
  if (judged_by_ != worker_.rules()) {
    if (const core::Reason reason = adopt_newest(); reason != core::Reason::none && !may_be_told(reason)) {
      report_closed(reason);
      close(true);
      return;
    }
  }
  served_ = true;
  exchange_ = std::make_unique<Exchange>(worker_, *this, *workspace_, request_complete_);
  enter(Phase::exchange, exchange_->timeouts().body_idle);
  exchange_->begin();
}

void ClientConnection::process_body(std::string_view& input) {
  Exchange* const exchange = exchange_.get();
  RequestParser& parser = workspace_->parser;
  const ParseResult result = parser.parse(input, this);
  input.remove_prefix(result.consumed);
  if (exchange != exchange_.get()) return;
  if (result.status == ParseStatus::message_complete) {
    request_complete_ = true;
    exchange->on_request_end(parser.trailers());
  } else if (result.status == ParseStatus::failed) {
    exchange->on_request_broken(parser.error());
  }
}

void ClientConnection::on_body(std::string_view data) {
  if (exchange_) exchange_->on_request_body(data);
}

void ClientConnection::refuse_request(const ParseError& error) {
  std::string request_id;
  worker_.make_request_id(request_id);
  std::string reply;
  write_error_reply({.status = error.status, .request_id = request_id, .close = true}, reply);
  send(reply);
  HostMetrics& metrics = host_metrics_ != nullptr ? *host_metrics_ : worker_.recorder.host("");
  MetricRecorder::count_request(
      metrics, {.method = {}, .status = error.status, .reason = error.reason, .client = facts_.kind(), .duration = {}});
  const VirtualHost* const host = host_ ? &snapshot_->virtual_hosts[*host_] : nullptr;
  worker_.log(RequestRecord{
      .time = std::chrono::system_clock::now(),
      .request_id = request_id,
      .source_ip = facts_.source_text,
      .source_port = facts_.source_port,
      .listener = listener().name,
      .virtual_host = host != nullptr ? std::string_view(host->name) : std::string_view{},
      .status = error.status,
      .tls_version = facts_.tls_version,
      .tls_cipher = facts_.tls_cipher,
      .sni = facts_.sni,
      .resumed = facts_.resumed,
      .client_auth = host != nullptr && host->tls ? tls::to_string(host->tls->client_auth) : std::string_view{},
      .identity = facts_.identity(),
      .reason = error.reason,
      .detail = error.detail});
  close(true);
}

void ClientConnection::send(std::string_view plaintext) {
  if (stream_.pending_output() == 0) last_progress_ = worker_.loop.now();
  stream_.send(plaintext);
}

std::string& ClientConnection::output() {
  if (stream_.pending_output() == 0) last_progress_ = worker_.loop.now();
  return stream_.plaintext();
}

void ClientConnection::continue_input() {
  last_progress_ = worker_.loop.now();
  if (processing_) return;
  process_waiting();
  stream_.resume_input();
}

void ClientConnection::exchange_finished(bool keep_alive) {
  worker_.loop.retire(std::move(exchange_));
  if (phase_ == Phase::over || phase_ == Phase::closing) return;
  if (!keep_alive) {
    close(!request_complete_ || !waiting_input_.empty());
    return;
  }
  worker_.workspaces.give(std::move(workspace_));
  request_complete_ = true;
  enter(Phase::idle, idle_time());
  // Answers to what a client has pipelined leave together.
  if (!processing_ && waiting_input_.empty()) stream_.flush_now();
  if (!processing_) continue_input();
}

void ClientConnection::response_broken() {
  worker_.loop.retire(std::move(exchange_));
  stream_.abort();
  over();
}

void ClientConnection::on_input_end() {
  input_ended_ = true;
  if (phase_ == Phase::handshake) {
    stream_.session()->abandon(core::Reason::client_closed);
    handshake_over(stream_.session()->report());
    abort();
  } else if (exchange_ && exchange_->is_tunnel()) {
    exchange_->on_tunnel_input_end();
  } else if (exchange_ && !request_complete_) {
    exchange_->client_gone(core::Reason::client_closed, "closed in the middle of the request");
  } else if (!exchange_) {
    close(false);
  }
}

void ClientConnection::on_gone(std::string_view detail) {
  if (phase_ == Phase::handshake && stream_.session() != nullptr) {
    stream_.session()->abandon(core::Reason::client_closed);
    handshake_over(stream_.session()->report());
  }
  if (exchange_) exchange_->client_gone(core::Reason::client_closed, detail);
  over();
}

void ClientConnection::on_output_progress() {
  last_progress_ = worker_.loop.now();
  if (exchange_) exchange_->on_client_progress();
  if (output_blocks_input_ && stream_.pending_output() <= core::kOutputLowWater) {
    output_blocks_input_ = false;
    continue_input();
  }
}

}  // namespace gateway::proxy
