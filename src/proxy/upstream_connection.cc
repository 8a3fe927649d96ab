#include "proxy/upstream_connection.h"

#include <utility>

#include "proxy/upstream_pool.h"

namespace gateway::proxy {
namespace {
// From here on bytes are sent from where they are instead of being joined with what follows in the same turn.
constexpr std::size_t kDirectBytes = 16 << 10;
}  // namespace

UpstreamConnection::UpstreamConnection(core::EventLoop& loop, core::DeadlineWheel& wheel,
                                       std::shared_ptr<EndpointPool> endpoint)
    : loop_(loop), endpoint_(std::move(endpoint)), stream_(loop, *this), deadline_(wheel, [this] { on_deadline(); }) {
  ++endpoint_->metrics().active;
}

UpstreamConnection::~UpstreamConnection() {
  if (state_ == State::idle) {
    --endpoint_->metrics().idle;
  } else {
    --endpoint_->metrics().active;
  }
}

int UpstreamConnection::connect(const sockaddr_storage& address, core::Milliseconds timeout) {
  deadline_.set(timeout);
  const int status = stream_.connect(reinterpret_cast<const sockaddr*>(&address));
  // Watched for its answer from the start: that is one system call for both.
  if (status == 0) stream_.start_reading();
  return status;
}

int UpstreamConnection::connect_unix(const std::string& path, core::Milliseconds timeout) {
  deadline_.set(timeout);
  return stream_.connect_unix(path);
}

void UpstreamConnection::on_stream_connected() {
  deadline_.cancel();
  state_ = State::active;
  if (user_ != nullptr) user_->on_upstream_connected();
}

void UpstreamConnection::expect_response(std::unique_ptr<ResponseParser> parser, bool to_head) {
  parser_ = parser ? std::move(parser) : std::make_unique<ResponseParser>();
  parser_->reset(to_head);
  to_head_ = to_head;
  response_done_ = false;
  saw_response_ = false;
  in_body_ = false;
  reusable_ = false;
  stream_.start_reading();
}

void UpstreamConnection::send(std::string_view bytes) {
  loop_.at_turn_end(*this);
  if (output_.empty() && bytes.size() >= kDirectBytes && state_ == State::active) {
    const std::size_t sent = stream_.try_send(bytes);
    progress_ = progress_ || sent != 0;
    bytes.remove_prefix(sent);
    if (bytes.empty()) return;
  }
  output() += bytes;
  if (output_.size() >= core::kEarlyFlushBytes) flush_now();
}

std::string& UpstreamConnection::output() {
  loop_.buffers().take(output_);
  return output_;
}

void UpstreamConnection::flush_now() {
  if (state_ != State::active) return;
  const std::size_t before = pending_output();
  stream_.push(output_);
  progress_ = progress_ || pending_output() < before;
  if (pending_output() != 0) loop_.at_turn_end(*this);
}

void UpstreamConnection::at_turn_end() {
  if (state_ != State::active) return;
  const std::size_t before = pending_output();
  stream_.flush(output_);
  if (state_ != State::active) return;
  if (pending_output() == 0 && end_output_) stream_.shutdown();
  const bool progress = std::exchange(progress_, false) || pending_output() < before;
  if (user_ != nullptr && progress) user_->on_upstream_progress();
}

void UpstreamConnection::on_stream_written() {
  loop_.at_turn_end(*this);
  if (user_ != nullptr) user_->on_upstream_progress();
}

void UpstreamConnection::end_output() {
  end_output_ = true;
  loop_.at_turn_end(*this);
}

void UpstreamConnection::on_stream_data(std::string_view data) {
  if (state_ == State::idle) return leave_pool();
  if (user_ == nullptr) return;
  saw_response_ = true;
  user_->on_upstream_progress();
  if (user_ == nullptr) return;
  if (tunnel_) return user_->on_tunnel_output(data);
  parse(data);
}

void UpstreamConnection::parse(std::string_view data) {
  while (state_ == State::active && user_ != nullptr && !response_done_) {
    if (tunnel_) {
      if (!data.empty()) user_->on_tunnel_output(data);
      return;
    }
    const ParseResult result = parser_->parse(data, this);
    data.remove_prefix(result.consumed);
    switch (result.status) {
      case ParseStatus::need_more:
        return;
      case ParseStatus::failed:
        return fail(core::Reason::upstream_bad_response, parser_->error().detail);
      case ParseStatus::head_complete:
        head_ready();
        break;
      case ParseStatus::message_complete:
        message_ended(parser_->trailers(), !data.empty());
        return;
    }
    const ResponseHead& head = parser_->head();
    if (in_body_ &&
        (head.body == BodyKind::none || (head.body == BodyKind::content_length && head.content_length == 0))) {
      message_ended({}, !data.empty());
      return;
    }
  }
}

void UpstreamConnection::head_ready() {
  ResponseHead& head = parser_->head();
  const bool interim = head.status < 200;
  keep_alive_ = head.keep_alive;
  in_body_ = !interim;
  user_->on_response_head(head);
  if (interim && !tunnel_ && state_ == State::active) parser_->reset(to_head_);
}

void UpstreamConnection::on_body(std::string_view data) {
  if (user_ != nullptr) user_->on_response_body(data);
}

void UpstreamConnection::message_ended(const Fields& trailers, bool leftover) {
  if (user_ == nullptr) return;
  response_done_ = true;
  // Bytes behind the response belong to nobody: whoever came next would take them for its answer.
  reusable_ = keep_alive_ && !leftover && stream_.is_open();
  user_->on_response_end(trailers);
}

void UpstreamConnection::on_stream_end() {
  if (state_ == State::idle) return leave_pool();
  if (user_ == nullptr) return;
  if (tunnel_) return user_->on_tunnel_end();
  if (!response_done_ && parser_ && parser_->finish() == ParseStatus::message_complete) {
    keep_alive_ = false;
    message_ended(parser_->trailers(), false);
    return;
  }
  fail(core::Reason::upstream_reset, in_body_ ? "closed in the middle of the response" : "closed before the response");
}

void UpstreamConnection::on_stream_failed(int status) {
  if (state_ == State::idle) return leave_pool();
  fail(state_ == State::connecting ? core::Reason::upstream_connect : core::Reason::upstream_reset,
       uv_strerror(status));
}

void UpstreamConnection::fail(core::Reason reason, std::string detail) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  deadline_.cancel();
  stream_.close();
  if (UpstreamUser* const user = user_; user != nullptr) {
    user_ = nullptr;
    user->on_upstream_failed(reason, std::move(detail));
  }
}

void UpstreamConnection::on_deadline() {
  if (state_ == State::idle) return leave_pool();
  if (state_ == State::connecting) fail(core::Reason::upstream_connect, "timed out while connecting");
}

void UpstreamConnection::park(core::Milliseconds lifetime) {
  --endpoint_->metrics().active;
  ++endpoint_->metrics().idle;
  state_ = State::idle;
  user_ = nullptr;
  reused_ = true;
  deadline_.set(lifetime);
  stream_.start_reading();
}

void UpstreamConnection::unpark() {
  --endpoint_->metrics().idle;
  ++endpoint_->metrics().active;
  state_ = State::active;
  deadline_.cancel();
}

void UpstreamConnection::leave_pool() {
  stream_.close();
  loop_.retire(endpoint_->take(*this));
}

}  // namespace gateway::proxy
