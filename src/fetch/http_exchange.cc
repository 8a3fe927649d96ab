#include "fetch/http_exchange.h"

#include <uv.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gateway::fetch {

using core::Reason;

HttpExchange::HttpExchange(Parts parts, FetchRequest request, FetchCallback callback)
    : parts_(std::move(parts)),
      request_(std::move(request)),
      callback_(std::move(callback)),
      stream_(parts_.loop, *this),
      deadline_(parts_.wheel, [this] { fail(Reason::upstream_timeout, "timed out"); }),
      connect_deadline_(parts_.wheel, [this] {
        stream_.close();
        connect_next("timed out");
      }) {}

void HttpExchange::start() {
  end_ms_ = parts_.loop.now() + static_cast<std::uint64_t>(request_.timeout.count());
  deadline_.set(request_.timeout);
  // Not at once: a connect that fails immediately would call back before the caller has its Fetch.
  parts_.loop.at_turn_end(*this);
}

void HttpExchange::at_turn_end() {
  if (callback_) look_up();
}

void HttpExchange::cancel() {
  callback_ = {};
  deadline_.cancel();
  connect_deadline_.cancel();
  lookup_.cancel();
  stream_.close();
}

core::Milliseconds HttpExchange::remaining() const {
  const std::uint64_t now = parts_.loop.now();
  return core::Milliseconds(now >= end_ms_ ? 0 : end_ms_ - now);
}

void HttpExchange::look_up() {
  if (auto literal = NameLookup::literal(request_.url.host, request_.url.port); !literal.empty()) {
    return on_addresses(0, std::move(literal));
  }
  const int status = lookup_.start(
      parts_.loop, request_.url.host, request_.url.port, parts_.running_lookups,
      [this](int result, std::vector<sockaddr_storage> addresses) { on_addresses(result, std::move(addresses)); });
  if (status != 0) on_addresses(status, {});
}

void HttpExchange::on_addresses(int status, std::vector<sockaddr_storage> addresses) {
  if (status != 0) {
    return fail(Reason::upstream_connect, "host " + request_.url.host + " can't be resolved: " + uv_strerror(status));
  }
  addresses_ = std::move(addresses);
  next_address_ = 0;
  connect_next("it has no address");
}

void HttpExchange::connect_next(std::string why_not_before) {
  connected_ = false;
  while (next_address_ < addresses_.size()) {
    // What is left of the time is shared: the first address may be one that swallows packets.
    const auto left = static_cast<std::int64_t>(addresses_.size() - next_address_);
    const int status = stream_.connect(reinterpret_cast<const sockaddr*>(&addresses_[next_address_++]));
    if (status == 0) {
      if (left > 1) connect_deadline_.set(remaining() / left);
      return;
    }
    why_not_before = uv_strerror(status);
  }
  fail(Reason::upstream_connect, "can't connect to " + request_.url.authority() + ": " + why_not_before);
}

void HttpExchange::on_stream_connected() {
  connect_deadline_.cancel();
  connected_ = true;
  send_request();
}

void HttpExchange::send_request() {
  const bool post = request_.method == FetchRequest::Method::post;
  output_ = post ? "POST " : "GET ";
  output_ += request_.url.target + " HTTP/1.1\r\nHost: " + request_.url.authority() +
             "\r\nUser-Agent: gatewayd\r\nAccept-Encoding: identity\r\nConnection: close\r\n";
  for (const auto& [name, value] : request_.headers) output_ += name + ": " + value + "\r\n";
  if (post) {
    output_ += "Content-Type: " + request_.content_type +
               "\r\nContent-Length: " + std::to_string(request_.body.size()) + "\r\n";
  }
  output_ += "\r\n";
  if (post) output_ += request_.body;
  parser_.reset(false);
  response_ = {};
  location_.clear();
  interim_responses_ = 0;
  in_body_ = false;
  stream_.start_reading();
  if (stream_.is_open()) stream_.flush(output_);
}

void HttpExchange::on_stream_data(std::string_view data) {
  while (callback_ && parse_some(data)) {
  }
}

bool HttpExchange::parse_some(std::string_view& data) {
  const auto result = parser_.parse(data, this);
  data.remove_prefix(result.consumed);
  if (too_large_) {
    fail(Reason::upstream_bad_response,
         "the response is larger than " + std::to_string(request_.max_response_bytes) + " bytes");
    return false;
  }
  switch (result.status) {
    case proxy::ParseStatus::need_more:
      return false;
    case proxy::ParseStatus::failed:
      fail(Reason::upstream_bad_response, "the response is no proper HTTP: " + parser_.error().detail);
      return false;
    case proxy::ParseStatus::head_complete:
      on_head();
      return in_body_ || !data.empty();
    case proxy::ParseStatus::message_complete:
      on_message_complete();
      return false;
  }
  return false;
}

void HttpExchange::on_head() {
  const proxy::ResponseHead& head = parser_.head();
  if (head.status == 101) return fail(Reason::upstream_bad_response, "the server switches protocols unasked");
  if (head.status < 200) {
    if (++interim_responses_ > core::kInterimResponses) {
      return fail(Reason::upstream_bad_response, "too many interim responses");
    }
    return parser_.reset(false);
  }
  in_body_ = true;
  const auto field = [&](std::string_view name) { return std::string(head.fields.find(name).value_or("")); };
  response_.status = head.status;
  response_.content_type = field("Content-Type");
  response_.etag = field("ETag");
  response_.last_modified = field("Last-Modified");
  location_ = field("Location");
  const std::string encoding = field("Content-Encoding");
  if (!encoding.empty() && !proxy::equal_ignoring_case(encoding, "identity")) {
    return fail(Reason::upstream_bad_response, "the response is encoded though that was not asked for");
  }
  too_large_ = head.body == proxy::BodyKind::content_length && head.content_length > request_.max_response_bytes;
}

void HttpExchange::on_body(std::string_view data) {
  if (too_large_ || data.size() > request_.max_response_bytes - response_.body.size()) {
    too_large_ = true;
    return;
  }
  response_.body += data;
}

void HttpExchange::on_stream_end() {
  if (!callback_) return;
  if (parser_.finish() == proxy::ParseStatus::message_complete && in_body_) return on_message_complete();
  fail(Reason::upstream_reset,
       in_body_ ? "the server closed in the middle of the response" : "the server closed before it answered");
}

void HttpExchange::on_stream_failed(int status) {
  if (!callback_) return;
  if (!connected_) {
    connect_deadline_.cancel();
    return connect_next(uv_strerror(status));
  }
  fail(Reason::upstream_reset, std::string("the connection broke: ") + uv_strerror(status));
}

bool HttpExchange::is_redirect() const {
  constexpr std::array<unsigned, 5> kStatuses{301, 302, 303, 307, 308};
  return request_.method == FetchRequest::Method::get &&
         std::ranges::find(kStatuses, response_.status) != kStatuses.end();
}

void HttpExchange::on_message_complete() {
  stream_.close();
  if (is_redirect()) return follow(location_);
  finish(std::move(response_));
}

void HttpExchange::follow(std::string_view location) {
  if (location.empty()) return fail(Reason::upstream_bad_response, "a redirect without a Location");
  if (++redirects_ > HttpFetcher::kMaxRedirects) return fail(Reason::upstream_bad_response, "too many redirects");
  auto next = request_.url.resolve(location);
  if (!next) return fail(Reason::upstream_bad_response, "a redirect that can't be followed: " + next.error());
  request_.url = std::move(*next);
  // This stream's callback is on the stack: it connects anew when that is over.
  parts_.loop.at_turn_end(*this);
}

void HttpExchange::fail(Reason reason, std::string detail) {
  finish(core::fail(reason, core::Side::upstream, std::move(detail)));
}

void HttpExchange::finish(FetchResult result) {
  if (!callback_) return;
  auto callback = std::exchange(callback_, {});
  cancel();
  callback(std::move(result));
}

}  // namespace gateway::fetch
