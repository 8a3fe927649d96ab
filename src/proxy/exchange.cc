#include "proxy/exchange.h"

#include "proxy/client_connection.h"
#include "proxy/forwarding_headers.h"
#include "proxy/local_reply.h"

namespace gateway::proxy {
namespace {

bool is_trusted(const Snapshot& snapshot, const core::IpAddress& address) {
  for (const core::Cidr& network : snapshot.trusted_proxies) {
    if (network.contains(address)) return true;
  }
  return false;
}

constexpr std::size_t kMaxRequestIdBytes = 128;

bool is_request_id(std::string_view id) {
  if (id.empty() || id.size() > kMaxRequestIdBytes) return false;
  for (const char c : id) {
    const bool allowed =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (!allowed) return false;
  }
  return true;
}

}  // namespace

Exchange::Exchange(WorkerState& worker, ClientConnection& client, RequestWorkspace& work, bool request_complete)
    : worker_(worker),
      client_(client),
      snapshot_(client.snapshot()),
      head_(work.parser.head()),
      admission_(work.admission),
      request_id_(work.request_id),
      deadline_(worker.wheel, [this] { on_deadline(); }),
      ocsp_wait_(worker.ocsp, [this](const tls::OcspEntry& entry) { on_ocsp(entry); }),
      started_at_(uv_hrtime()),
      request_complete_(request_complete) {
  admission_.clear();
  const auto given = head_.fields.find("x-request-id");
  if (given && is_request_id(*given) && is_trusted(*snapshot_, client.facts().source_ip)) {
    request_id_ = *given;
  } else {
    worker.make_request_id(request_id_);
  }
}

Exchange::~Exchange() {
  if (upstream_) upstream_->set_user(nullptr);
}

const core::Timeouts& Exchange::timeouts() const {
  if (admission_.route != nullptr) return admission_.route->timeouts;
  if (admission_.virtual_host != nullptr) return admission_.virtual_host->timeouts;
  return snapshot_->timeouts;
}

std::string_view Exchange::policy_rule() const {
  if (!admission_.decision) return {};
  return admission_.virtual_host->policy->rule_name(admission_.decision->rule);
}

RequestVariables Exchange::variables() const {
  const ClientFacts& facts = client_.facts();
  return {.identity = facts.identity(),
          .tls_version = facts.tls_version,
          .tls_cipher = facts.tls_cipher,
          .tls_sni = facts.sni,
          .tls_resumed = facts.resumed,
          .source_ip = facts.source_text,
          .request_id = request_id_,
          .policy_rule = policy_rule()};
}

void Exchange::write_request_head(std::string& out) const {
  write_upstream_request_head({.head = &head_,
                               .target = &admission_.target,
                               .snapshot = snapshot_.get(),
                               .route = admission_.route,
                               .variables = variables(),
                               .source_ip = client_.facts().source_ip,
                               .scheme = client_.facts().tls ? "https" : "http",
                               .host = admission_.forwarded_host},
                              out);
}

void Exchange::decide() {
  const ClientFacts& facts = client_.facts();
  admit({.snapshot = snapshot_.get(),
         .listener = &client_.listener(),
         .handshake_host = client_.host(),
         .identity = facts.identity(),
         .barred = facts.barred,
         .source_ip = facts.source_ip},
        head_, admission_);
  // A request of a TLS connection is for the handshake's host or for none.
  const VirtualHost* const host = admission_.virtual_host;
  metrics_ = host != nullptr ? client_.host_metrics() : nullptr;
  if (metrics_ == nullptr) metrics_ = &worker_.recorder.host(host != nullptr ? std::string_view(host->name) : "");
  if (admission_.decision)
    worker_.recorder.count_decision(*metrics_, *admission_.virtual_host->policy, *admission_.decision);
  if (admission_.redirect) return redirect();
  if (admission_.reason != core::Reason::none) return refuse(admission_.reason, admission_.detail);
  if (head_.body == BodyKind::content_length && head_.content_length > admission_.route->body_bytes) {
    return refuse(core::Reason::too_large, "Content-Length over the limit");
  }
  act();
}

void Exchange::act() {
  if (admission_.route->action == RouteAction::upstream) return begin_upstream();
  begin_local();
}

// Answers made here wait for the end of the request: the connection can then be used again.
void Exchange::begin_local() {
  state_ = State::local;
  if (head_.expect_continue) close_client_ = true;
  if (request_complete_ || close_client_) send_local();
}

void Exchange::send_local() {
  const Route& route = *admission_.route;
  std::string seen;
  if (route.action == RouteAction::echo) {
    write_request_head(seen);
  }
  status_ = route.action == RouteAction::echo ? 200 : route.status;
  const std::string& body = route.action == RouteAction::echo ? seen : route.body;
  close_client_ = close_client_ || client_.asks_to_close() || !head_.keep_alive || !request_complete_;
  std::string reply;
  write_local_reply({.status = status_,
                     .content_type = route.content_type,
                     .body = body,
                     .request_id = request_id_,
                     .close = close_client_,
                     .to_head = to_head(),
                     .version_minor = head_.version_minor,
                     .location = {},
                     .allow = {}},
                    reply);
  response_bytes_ = to_head() ? 0 : body.size();
  client_.send(reply);
  finish(core::Reason::none, {});
}

void Exchange::redirect() {
  const Listener& listener = client_.listener();
  std::string location = "https://" + admission_.host;
  if (listener.redirect_port != 443) location += ":" + std::to_string(listener.redirect_port);
  location += admission_.target.path + admission_.target.query;
  status_ = 308;
  close_client_ = client_.asks_to_close() || !head_.keep_alive || !request_complete_;
  std::string reply;
  write_local_reply({.status = status_,
                     .content_type = {},
                     .body = {},
                     .request_id = request_id_,
                     .close = close_client_,
                     .to_head = to_head(),
                     .version_minor = head_.version_minor,
                     .location = location,
                     .allow = {}},
                    reply);
  client_.send(reply);
  finish(core::Reason::none, {});
}

void Exchange::refuse(core::Reason reason, std::string_view detail, unsigned status) {
  if (response_started_) {
    finish(reason, detail);
    return;
  }
  status_ = status != 0 ? status : status_of(reason);
  close_client_ = close_client_ || client_.asks_to_close() || !head_.keep_alive || !request_complete_ ||
                  reason == core::Reason::bad_request;
  std::string reply;
  write_error_reply({.status = status_,
                     .request_id = request_id_,
                     .close = close_client_,
                     .to_head = to_head(),
                     .version_minor = head_.version_minor,
                     .reason = reason},
                    reply);
  client_.send(reply);
  refused_ = true;
  finish(reason, detail);
}

bool Exchange::wants_body() const {
  switch (state_) {
    case State::local:
      return true;
    case State::forwarding:
    case State::tunnel:
      return !upload_paused_;
    default:
      return false;
  }
}

void Exchange::on_request_body(std::string_view data) {
  if (state_ == State::finished) return;
  request_bytes_ += data.size();
  if (request_bytes_ > admission_.route->body_bytes) return refuse(core::Reason::too_large, "body over the limit");
  if (state_ != State::forwarding || !upstream_) return;
  request_forwarded_ = true;
  if (head_.body == BodyKind::chunked) {
    constexpr std::size_t kSizeLineBytes = 20;
    char line[kSizeLineBytes];
    const int length = std::snprintf(line, sizeof(line), "%zx\r\n", data.size());
    upstream_->send({line, static_cast<std::size_t>(length)});
    upstream_->send(data);
    upstream_->send("\r\n");
  } else {
    upstream_->send(data);
  }
  if (upstream_->pending_output() >= core::kOutputHighWater) upload_paused_ = true;
}

void Exchange::on_request_end(const Fields& trailers) {
  request_complete_ = true;
  if (state_ == State::local) return send_local();
  if (state_ != State::forwarding || !upstream_) return;
  upstream_progress_ = worker_.loop.now();
  if (head_.body != BodyKind::chunked) return;
  std::string end;
  write_request_trailers(trailers, *snapshot_, *admission_.route, end);
  upstream_->send(end);
}

void Exchange::on_request_broken(const ParseError& error) {
  close_client_ = true;
  refuse(error.reason, error.detail, error.status);
}

void Exchange::on_client_progress() {
  if (!download_paused_ || client_.pending_output() > core::kOutputLowWater) return;
  download_paused_ = false;
  upstream_progress_ = worker_.loop.now();
  if (upstream_) upstream_->resume_reading();
}

void Exchange::client_gone(core::Reason reason, std::string_view detail) {
  if (state_ == State::finished) return;
  close_client_ = true;
  constexpr unsigned kClientClosedRequest = 499;  // nginx's word for it: no client ever sees it
  if (status_ == 0) status_ = kClientClosedRequest;
  if (state_ == State::tunnel && reason == core::Reason::client_closed) reason = core::Reason::none;
  count_upstream(state_ == State::tunnel ? UpstreamOutcome::success : UpstreamOutcome::client_closed);
  finish(reason, detail);
}

void Exchange::on_client_timeout() {
  if (response_started_ || state_ == State::tunnel) {
    client_gone(core::Reason::timeout, "the client does not read");
    return;
  }
  count_upstream(UpstreamOutcome::client_closed);
  close_client_ = true;
  refuse(core::Reason::timeout, "the request's body took too long");
}

void Exchange::finish(core::Reason reason, std::string_view detail) {
  if (state_ == State::finished) return;
  const bool broken = reason != core::Reason::none && response_started_ && !refused_;
  state_ = State::finished;
  deadline_.cancel();
  ocsp_wait_.cancel();
  release_upstream(reason == core::Reason::none && request_complete_);
  record(reason, detail);
  if (broken) {
    client_.response_broken();
  } else {
    client_.exchange_finished(!close_client_ && request_complete_ && head_.keep_alive && !client_.must_close());
  }
}

void Exchange::record(core::Reason reason, std::string_view detail) {
  const std::uint64_t now = uv_hrtime();
  const ClientFacts& facts = client_.facts();
  MetricRecorder::count_request(*metrics_, {.method = head_.method,
                                            .status = status_,
                                            .reason = reason,
                                            .client = facts.kind(),
                                            .duration = std::chrono::nanoseconds(now - started_at_)});
  if (worker_.logging()) log(now, reason, detail);
}

void Exchange::log(std::uint64_t now, core::Reason reason, std::string_view detail) {
  const auto elapsed = [](std::uint64_t from, std::uint64_t to) {
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::nanoseconds(from == 0 || to < from ? 0 : to - from));
  };
  const ClientFacts& facts = client_.facts();
  const VirtualHost* const host = admission_.virtual_host;
  // In one piece, and in memory that the request has no more use for.
  std::string& path = admission_.target.path;
  path += admission_.target.query;
  worker_.log(RequestRecord{
      .time = std::chrono::system_clock::now() - std::chrono::nanoseconds(now - started_at_),
      .request_id = request_id_,
      .source_ip = facts.source_text,
      .source_port = facts.source_port,
      .listener = client_.listener().name,
      .virtual_host = host != nullptr ? std::string_view(host->name) : std::string_view{},
      .route = admission_.route != nullptr ? std::string_view(admission_.route->path) : std::string_view{},
      .upstream = group_ ? std::string_view(group_->name()) : std::string_view{},
      .endpoint = endpoint_ != nullptr ? std::string_view(endpoint_->endpoint().address) : std::string_view{},
      .method = head_.method,
      .host = admission_.host,
      .path = path,
      .version_minor = head_.version_minor,
      .status = status_,
      .request_bytes = request_bytes_,
      .response_bytes = response_bytes_,
      .duration = elapsed(started_at_, now),
      .upstream_connect = elapsed(connect_started_at_, connected_at_),
      .upstream_first_byte = elapsed(connected_at_ != 0 ? connected_at_ : started_at_, first_byte_at_),
      .tls_version = facts.tls_version,
      .tls_cipher = facts.tls_cipher,
      .sni = facts.sni,
      .resumed = facts.resumed,
      .client_auth = host != nullptr && host->tls ? tls::to_string(host->tls->client_auth) : std::string_view{},
      .identity = facts.identity(),
      .policy = admission_.decision ? std::string_view(host->policy->name()) : std::string_view{},
      .rule = policy_rule(),
      .decision = !admission_.decision ? "" : (admission_.decision->allow ? "allow" : "deny"),
      .reason = reason,
      .detail = detail});
}

}  // namespace gateway::proxy
