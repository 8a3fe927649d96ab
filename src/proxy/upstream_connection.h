#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "core/uv_stream.h"
#include "proxy/http1_codec.h"

namespace gateway::proxy {

class EndpointPool;

// Who uses an upstream connection at the moment: an exchange. After on_upstream_failed() nothing more comes.
class UpstreamUser {
 public:
  virtual void on_upstream_connected() = 0;
  virtual void on_response_head(ResponseHead& head) = 0;  // interim ones too
  virtual void on_response_body(std::string_view data) = 0;
  virtual void on_response_end(const Fields& trailers) = 0;
  virtual void on_tunnel_output(std::string_view data) = 0;
  virtual void on_tunnel_end() = 0;
  virtual void on_upstream_failed(core::Reason reason, std::string detail) = 0;
  virtual void on_upstream_progress() = 0;  // bytes came or went: it is alive; less is waiting to be sent

 protected:
  ~UpstreamUser() = default;
};

// One connection to an endpoint. Owned by its user while in use, by its EndpointPool while idle.
class UpstreamConnection final : public core::Retirable,
                                 private core::StreamEvents,
                                 private core::TurnEndTask,
                                 private BodySink {
 public:
  UpstreamConnection(core::EventLoop& loop, core::DeadlineWheel& wheel, std::shared_ptr<EndpointPool> endpoint);
  ~UpstreamConnection() override;

  // Status as libuv's; on_upstream_connected() or on_upstream_failed() follows if it is 0.
  int connect(const sockaddr_storage& address, core::Milliseconds timeout);
  int connect_unix(const std::string& path, core::Milliseconds timeout);

  // From now on events go to `user`.
  void set_user(UpstreamUser* user) { user_ = user; }
  // Ready for a response; `to_head` as in ResponseParser::reset(). `parser` may be one that was used before, or null.
  // The stream reads from now on.
  void expect_response(std::unique_ptr<ResponseParser> parser, bool to_head);
  // For whoever expects the next response; once this one is over.
  std::unique_ptr<ResponseParser> take_parser() { return std::move(parser_); }
  void send(std::string_view bytes);
  // Where bytes to be sent may be written to directly; one of the flush functions follows.
  std::string& output();
  // Sends what is waiting, as far as the socket takes it, before the turn ends. No event comes of it.
  void flush_now();
  // At the end of the turn, with what else there will be.
  void flush_later() { loop_.at_turn_end(*this); }
  [[nodiscard]] std::size_t pending_output() const { return output_.size() + stream_.unsent(); }
  void pause_reading() { stream_.stop_reading(); }
  void resume_reading() { stream_.start_reading(); }
  // After a 101: bytes are bytes.
  void become_tunnel() { tunnel_ = true; }
  // Half-close of a tunnel.
  void end_output();

  // Was in use before: it may have gone stale without our knowing.
  [[nodiscard]] bool reused() const { return reused_; }
  // The endpoint has neither sent nor closed anything since the last response, as far as the kernel knows at this
  // moment.
  [[nodiscard]] bool is_fresh() const { return stream_.is_quiet(); }
  // A byte of the response to the current request has come.
  [[nodiscard]] bool saw_response() const { return saw_response_; }
  // The response ended properly and the connection may carry another request.
  [[nodiscard]] bool reusable() const { return reusable_; }
  [[nodiscard]] EndpointPool& endpoint() const { return *endpoint_; }

  // For the pool: becomes idle, and leaves the pool by itself when the endpoint closes it or `lifetime` is over.
  void park(core::Milliseconds lifetime);
  void unpark();

 private:
  enum class State : std::uint8_t { connecting, active, idle, closed };

  void on_stream_connected() override;
  void on_stream_data(std::string_view data) override;
  void on_stream_end() override;
  void on_stream_failed(int status) override;
  void on_stream_written() override;
  bool keep_reading_after_write_error() override { return state_ == State::active && !tunnel_; }
  void at_turn_end() override;
  void on_body(std::string_view data) override;

  void parse(std::string_view data);
  void head_ready();
  void message_ended(const Fields& trailers, bool leftover);
  void fail(core::Reason reason, std::string detail);
  void leave_pool();
  void on_deadline();

  core::EventLoop& loop_;
  std::shared_ptr<EndpointPool> endpoint_;
  core::UvStream stream_;
  core::Deadline deadline_;
  std::unique_ptr<ResponseParser> parser_;
  std::string output_;
  bool progress_ = false;  // bytes have left since the last turn's end
  UpstreamUser* user_ = nullptr;
  State state_ = State::connecting;
  bool tunnel_ = false;
  bool end_output_ = false;
  bool reused_ = false;
  bool reusable_ = false;
  bool to_head_ = false;
  bool response_done_ = true;
  bool saw_response_ = false;
  bool in_body_ = false;
  bool keep_alive_ = false;
};

}  // namespace gateway::proxy
