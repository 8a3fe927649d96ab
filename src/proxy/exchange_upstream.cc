// The upstream half of an exchange: choosing an endpoint, retrying, relaying the response, tunnels.
#include "proxy/client_connection.h"
#include "proxy/connection_auth.h"
#include "proxy/exchange.h"
#include "proxy/forwarding_headers.h"

namespace gateway::proxy {
namespace {

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

UpstreamOutcome outcome_of(core::Reason reason) {
  switch (reason) {
    case core::Reason::upstream_connect:
      return UpstreamOutcome::connect_error;
    case core::Reason::upstream_timeout:
      return UpstreamOutcome::timeout;
    case core::Reason::upstream_bad_response:
      return UpstreamOutcome::bad_response;
    default:
      return UpstreamOutcome::reset;
  }
}

}  // namespace

void Exchange::begin_upstream() {
  const Route& route = *admission_.route;
  group_ = worker_.upstreams.group(route.upstream);
  retries_left_ = snapshot_->upstreams[route.upstream].retries;
  connection_is_private_ = authenticates_connection(head_);
  next_endpoint();
}

void Exchange::next_endpoint() {
  state_ = State::connecting;
  while (state_ == State::connecting && !upstream_) {
    if (endpoint_ != nullptr) tried_.push_back(endpoint_);
    EndpointPool* const endpoint = group_->next(tried_, worker_.loop.now());
    if (endpoint == nullptr) {
      if (tried_.empty()) return refuse(core::Reason::no_endpoint, "no usable endpoint");
      return refuse(core::Reason::upstream_connect, "no endpoint could be reached");
    }
    endpoint_ = endpoint;
    connect_started_at_ = uv_hrtime();
    if (auto idle = take_idle(*endpoint)) {
      upstream_ = std::move(idle);
      upstream_->set_user(this);
      connected_at_ = connect_started_at_;
      send_request();
      return;
    }
    try_connect(*endpoint);
  }
}

// What can't be sent twice is not sent on a connection that the endpoint has closed already, even if the loop has not
// seen it yet.
std::unique_ptr<UpstreamConnection> Exchange::take_idle(EndpointPool& endpoint) {
  for (;;) {
    auto idle = endpoint.take_idle();
    if (!idle || (is_idempotent(head_.method) && request_complete_) || idle->is_fresh()) return idle;
    worker_.loop.retire(std::move(idle));
  }
}

void Exchange::try_connect(EndpointPool& endpoint) {
  upstream_ = endpoint.connect(worker_.loop, worker_.wheel, timeouts().upstream_connect);
  if (upstream_) {
    upstream_->set_user(this);
    return;
  }
  endpoint.pause(worker_.loop.now());
  if (retries_left_ == 0) refuse(core::Reason::upstream_connect, "the endpoint could not be reached");
}

void Exchange::on_upstream_connected() {
  endpoint_->unpause();
  connected_at_ = uv_hrtime();
  send_request();
  if (!request_complete_ || is_tunnel()) client_.continue_input();
}

void Exchange::send_request() {
  state_ = State::forwarding;
  upstream_progress_ = worker_.loop.now();
  deadline_.set(timeouts().upstream_response);
  upstream_->expect_response(worker_.response_parsers.take(), to_head());
  write_request_head(upstream_->output());
  // A body that is on its way may still share the write.
  if (request_complete_) {
    upstream_->flush_now();
  } else {
    upstream_->flush_later();
  }
}

// RFC 9110 section 9.2.2: only what is safe to repeat, and only if the endpoint can't have begun to answer.
bool Exchange::may_retry() const {
  return upstream_ && upstream_->reused() && !upstream_->saw_response() && !request_forwarded_ &&
         interim_responses_ == 0 && !response_started_ && retries_left_ > 0 && is_idempotent(head_.method);
}

void Exchange::on_upstream_failed(core::Reason reason, std::string detail) {
  if (state_ == State::tunnel) {
    count_upstream(UpstreamOutcome::reset);
    return finish(reason, detail);
  }
  const bool connecting = state_ == State::connecting;
  if (connecting) {
    ++endpoint_->metrics().connect_failures;
    endpoint_->pause(worker_.loop.now());
  }
  const bool retry = may_retry();
  worker_.loop.retire(std::move(upstream_));
  if (connecting && retries_left_ > 0) {
    count_upstream(UpstreamOutcome::connect_error);
    upstream_counted_ = false;
    return next_endpoint();
  }
  if (retry) {
    --retries_left_;
    ++endpoint_->metrics().retries;
    state_ = State::connecting;
    connect_started_at_ = uv_hrtime();
    try_connect(*endpoint_);
    if (state_ == State::connecting && !upstream_) next_endpoint();
    return;
  }
  count_upstream(outcome_of(reason));
  refuse(reason, detail);
}

void Exchange::on_upstream_progress() {
  upstream_progress_ = worker_.loop.now();
  if (upload_paused_ && upstream_ && upstream_->pending_output() <= core::kOutputLowWater) {
    upload_paused_ = false;
    client_.continue_input();
  }
}

void Exchange::forward_interim(const ResponseHead& head) {
  if (++interim_responses_ > core::kInterimResponses) {
    count_upstream(UpstreamOutcome::bad_response);
    return refuse(core::Reason::upstream_bad_response, "too many interim responses");
  }
  // A client that did not ask for 100 has no use for it, and HTTP/1.0 knows none at all.
  if (head_.version_minor == 0 || (head.status == 100 && !head_.expect_continue)) return;
  std::string interim;
  write_interim_response(head, interim);
  client_.send(interim);
}

void Exchange::on_response_head(ResponseHead& head) {
  const std::uint64_t now = uv_hrtime();
  if (first_byte_at_ == 0) first_byte_at_ = now;
  if (head.status == 101 || head.status >= 200) {
    endpoint_->metrics().response_duration.observe(std::chrono::nanoseconds(now - connected_at_));
  }
  if (head.status == 101) {
    // Only to what the client asked for (RFC 9110 section 7.8): what else comes behind it, no one here could judge.
    const auto protocol = head.fields.find("upgrade");
    if (head_.upgrade_websocket && protocol && equal_ignoring_case(*protocol, "websocket")) return begin_tunnel(head);
    count_upstream(UpstreamOutcome::bad_response);
    return refuse(core::Reason::upstream_bad_response, "101 without an upgrade");
  }
  if (head.status < 200) return forward_interim(head);

  connection_is_private_ = connection_is_private_ || authenticates_connection(head);
  status_ = head.status;
  const bool delimited = head.body == BodyKind::none || head.body == BodyKind::content_length;
  chunked_to_client_ = !delimited && head_.version_minor == 1;
  close_client_ =
      client_.asks_to_close() || !head_.keep_alive || !request_complete_ || (!delimited && !chunked_to_client_);
  write_client_response_head(
      {.head = &head,
       .client_version_minor = head_.version_minor,
       .chunked = chunked_to_client_,
       .close = close_client_,
       .to_head = to_head(),
       .tunnel = false,
       .request_id = admission_.route->forwarding.x_request_id ? std::string_view(request_id_) : std::string_view{},
       .via = admission_.route->forwarding.via},
      client_.output());
  client_.finish_output();
  response_started_ = true;
}

void Exchange::on_response_body(std::string_view data) {
  if (state_ != State::forwarding || data.empty()) return;
  response_bytes_ += data.size();
  if (chunked_to_client_) {
    constexpr std::size_t kSizeLineBytes = 20;
    char line[kSizeLineBytes];
    const int length = std::snprintf(line, sizeof(line), "%zx\r\n", data.size());
    client_.send({line, static_cast<std::size_t>(length)});
    client_.send(data);
    client_.send("\r\n");
  } else {
    client_.send(data);
  }
  if (client_.pending_output() >= core::kOutputHighWater && upstream_) {
    download_paused_ = true;
    upstream_->pause_reading();
  }
}

void Exchange::on_response_end(const Fields& trailers) {
  if (state_ != State::forwarding) return;
  if (chunked_to_client_) {
    std::string end;
    write_response_trailers(trailers, end);
    client_.send(end);
  }
  count_upstream(UpstreamOutcome::success);
  finish(core::Reason::none, {});
}

void Exchange::begin_tunnel(const ResponseHead& head) {
  status_ = head.status;
  std::string out;
  write_client_response_head({.head = &head,
                              .client_version_minor = head_.version_minor,
                              .chunked = false,
                              .close = false,
                              .to_head = false,
                              .tunnel = true,
                              .request_id = request_id_,
                              .via = admission_.route->forwarding.via},
                             out);
  client_.send(out);
  response_started_ = true;
  state_ = State::tunnel;
  close_client_ = true;
  ++worker_.recorder.metrics().tunnels;
  upstream_->become_tunnel();
  client_.continue_input();
}

void Exchange::on_tunnel_input(std::string_view data) {
  if (!upstream_ || tunnel_input_ended_) return;
  request_bytes_ += data.size();
  upstream_progress_ = worker_.loop.now();
  upstream_->send(data);
  if (upstream_->pending_output() >= core::kOutputHighWater) upload_paused_ = true;
}

void Exchange::on_tunnel_input_end() {
  if (tunnel_input_ended_) return;
  tunnel_input_ended_ = true;
  if (tunnel_output_ended_ || !upstream_) return finish(core::Reason::none, {});
  upstream_->end_output();
}

void Exchange::on_tunnel_output(std::string_view data) {
  response_bytes_ += data.size();
  client_.send(data);
  if (client_.pending_output() >= core::kOutputHighWater) {
    download_paused_ = true;
    upstream_->pause_reading();
  }
}

void Exchange::on_tunnel_end() {
  if (tunnel_output_ended_) return;
  tunnel_output_ended_ = true;
  count_upstream(UpstreamOutcome::success);
  if (tunnel_input_ended_) return finish(core::Reason::none, {});
  client_.end_output();
}

// A slow client is not the upstream's fault: its time runs only while it is its turn.
bool Exchange::waits_for_upstream() const {
  if (state_ == State::tunnel) return true;
  return !download_paused_ && client_.pending_output() == 0 && (request_complete_ || upload_paused_);
}

void Exchange::on_deadline() {
  const auto limit = static_cast<std::uint64_t>(timeouts().upstream_response.count());
  const std::uint64_t now = worker_.loop.now();
  if (!waits_for_upstream()) upstream_progress_ = now;
  if (now - upstream_progress_ < limit) {
    deadline_.set(core::Milliseconds(static_cast<std::int64_t>(limit - (now - upstream_progress_))));
    return;
  }
  if (state_ == State::tunnel) return client_gone(core::Reason::timeout, "the tunnel was idle");
  count_upstream(UpstreamOutcome::timeout);
  refuse(core::Reason::upstream_timeout, response_started_ ? "the response stalled" : "no response in time");
}

void Exchange::count_upstream(UpstreamOutcome outcome) {
  if (endpoint_ == nullptr || upstream_counted_) return;
  upstream_counted_ = true;
  ++endpoint_->metrics().requests[static_cast<std::size_t>(outcome)];
}

void Exchange::release_upstream(bool reuse) {
  if (!upstream_) return;
  upstream_->set_user(nullptr);
  if (reuse && !connection_is_private_ && upstream_->reusable() && upstream_->pending_output() == 0) {
    EndpointPool& endpoint = upstream_->endpoint();
    worker_.response_parsers.give(upstream_->take_parser());
    endpoint.give_back(std::move(upstream_), worker_.loop);
  } else {
    worker_.loop.retire(std::move(upstream_));
  }
}

}  // namespace gateway::proxy
