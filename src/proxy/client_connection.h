#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "proxy/client_facts.h"
#include "proxy/client_stream.h"
#include "proxy/http1_codec.h"
#include "proxy/worker_state.h"

namespace gateway::proxy {

class Exchange;
class ClientConnection;

// Who owns client connections: the worker.
class ClientConnectionOwner {
 public:
  // The connection is over; the owner retires it.
  virtual void connection_ended(ClientConnection& connection) = 0;

 protected:
  ~ClientConnectionOwner() = default;
};

// One client: its stream, its parser and the exchange that is under way. Requests are served one after another; what a
// client sends ahead waits, bounded.
class ClientConnection final : public core::Retirable, private ClientStreamEvents, private BodySink {
 public:
  ClientConnection(WorkerState& worker, ClientConnectionOwner& owner, std::uint32_t listener);
  ~ClientConnection() override;

  // Status as libuv's.
  int accept(uv_stream_t* server);
  // Handshake or first request; the connection may be over after it.
  void start();

  // Judges the connection under the worker's newest snapshot and at this time: an idle one that may not stay is closed
  // at once, a busy one after its response, a tunnel at once. Why it ends; none if it may stay, or is at its end
  // anyway.
  core::Reason judge_again();
  // The worker will stop soon: no request is refused for it, but each response is the last, and an idle connection ends
  // after a moment in which a request that is on its way arrives.
  void announce_drain();
  // The worker stops: idle connections end now, busy ones after their response.
  void begin_drain();
  // At once.
  void abort();

  // For the worker's list.
  std::size_t slot = 0;

  // For the exchange.
  [[nodiscard]] const ClientFacts& facts() const { return facts_; }
  [[nodiscard]] const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  [[nodiscard]] const Listener& listener() const { return snapshot_->listeners[listener_]; }
  [[nodiscard]] std::optional<std::uint32_t> host() const { return host_; }
  // Of the host that the handshake chose; null on a plain listener.
  [[nodiscard]] HostMetrics* host_metrics() const { return host_ ? host_metrics_ : nullptr; }
  void send(std::string_view plaintext);
  // Where plaintext may be written to directly; finish_output() follows.
  std::string& output();
  void finish_output() { stream_.plaintext_written(); }
  [[nodiscard]] std::size_t pending_output() const { return stream_.pending_output(); }
  // The exchange can take request bytes again.
  void continue_input();
  // The exchange is over and retired by this call. `keep_alive`: another request may follow. Otherwise the connection
  // closes, and lingers if the client may still be sending.
  void exchange_finished(bool keep_alive);
  // A response broke off: the client must see that it is not whole.
  void response_broken();
  void end_output() { stream_.end_output(); }
  // The response shall say that it is the last one.
  [[nodiscard]] bool asks_to_close() const { return must_close() || worker_.drain_announced; }
  // This connection takes no request after the one under way.
  [[nodiscard]] bool must_close() const {
    return close_after_response_ || worker_.draining || input_ended_ || facts_.barred != core::Reason::none;
  }

 private:
  enum class Phase : std::uint8_t { handshake, idle, head, exchange, closing, over };

  void on_established() override;
  void on_barred() override;
  void on_refused() override;
  void on_plaintext(std::string_view data) override;
  void on_input_end() override;
  void on_gone(std::string_view detail) override;
  void on_output_progress() override;
  [[nodiscard]] bool wants_input() const override;
  void on_body(std::string_view data) override;

  void process(std::string_view& input);
  void process_head(std::string_view& input);
  void process_body(std::string_view& input);
  void process_waiting();
  void begin_exchange();
  void refuse_request(const ParseError& error);
  void close(bool linger);
  void over();
  void enter(Phase phase, core::Milliseconds deadline);
  void on_deadline();
  void on_exchange_deadline();
  void learn(const tls::TlsSession& session);
  void handshake_over(const tls::HandshakeReport& report);
  // Finds listener and host of the same name in the worker's newest snapshot and judges; the reason if the connection
  // may not stay.
  core::Reason adopt_newest();
  // Whether a refusal by OCSP can still be told as 403: on the first request, or one that waits for the answer. Every
  // other ends the connection.
  [[nodiscard]] bool may_be_told(core::Reason reason) const;
  // The client isn't admitted any more: counted and logged.
  void report_closed(core::Reason reason);
  [[nodiscard]] bool host_needs_tls() const { return listener().protocol == Protocol::https; }
  [[nodiscard]] core::Limits parser_limits() const;
  RequestParser& parser();
  // Of the virtual host, once the handshake has chosen one.
  [[nodiscard]] const core::Timeouts& timeouts() const;
  // Until the next request on a connection that has served one.
  [[nodiscard]] core::Milliseconds idle_time() const;

  WorkerState& worker_;
  ClientConnectionOwner& owner_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::uint32_t listener_;
  std::optional<std::uint32_t> host_;  // index in snapshot_, chosen by the handshake
  ClientFacts facts_;
  ClientStream stream_;
  core::Deadline deadline_;
  std::unique_ptr<RequestWorkspace> workspace_;  // null between requests
  std::string waiting_input_;                    // plaintext that no exchange has taken yet
  std::unique_ptr<Exchange> exchange_;
  HostMetrics* host_metrics_ = nullptr;
  std::uint64_t judged_by_ = 0;    // WorkerState::rules() of the last verdict
  std::uint64_t accepted_at_ = 0;  // uv_hrtime
  std::uint64_t end_by_ = 0;  // loop time at which a connection that may not stay ends even in the middle of a response
  std::uint64_t last_progress_ = 0;  // loop time of the last byte from or to the client
  Phase phase_ = Phase::handshake;
  bool request_complete_ = true;  // all of the current request has been parsed
  bool processing_ = false;
  bool output_blocks_input_ = false;  // a client that pipelines but does not read is not read either
  bool input_ended_ = false;
  bool close_after_response_ = false;
  bool served_ = false;  // has had a request before
};

}  // namespace gateway::proxy
