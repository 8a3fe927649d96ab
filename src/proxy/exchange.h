#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "core/recycled.h"
#include "proxy/request_workspace.h"
#include "proxy/upstream_connection.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker_state.h"

namespace gateway::proxy {

class ClientConnection;

// One request from its head to its log line. Owned by the client connection, which it outlives by no more than a turn;
// keeps the snapshot that it began with. Refusal, timeout, reset and half-close all arrive at finish().
class Exchange final : public core::Retirable, public core::Recycled<Exchange>, private UpstreamUser {
 public:
  // `work` holds the head; it is the client's again as soon as the exchange has told it that it is finished.
  Exchange(WorkerState& worker, ClientConnection& client, RequestWorkspace& work, bool request_complete);
  ~Exchange() override;

  // Decides and acts, once OCSP has had its say; may be over when it returns.
  void begin();

  // From the client's side.
  [[nodiscard]] bool wants_body() const;
  void on_request_body(std::string_view data);
  void on_request_end(const Fields& trailers);
  void on_request_broken(const ParseError& error);
  void on_client_progress();
  // No answer can reach the client any more.
  void client_gone(core::Reason reason, std::string_view detail);
  // The client neither sends nor takes what it should.
  void on_client_timeout();
  [[nodiscard]] bool is_tunnel() const { return state_ == State::tunnel; }
  // Neither forwarded nor answered yet: its client's OCSP status is asked for.
  [[nodiscard]] bool is_deciding() const { return state_ == State::deciding; }
  void on_tunnel_input(std::string_view data);
  void on_tunnel_input_end();

  [[nodiscard]] const core::Timeouts& timeouts() const;

 private:
  enum class State : std::uint8_t { deciding, local, connecting, forwarding, tunnel, finished };

  void on_upstream_connected() override;
  void on_response_head(ResponseHead& head) override;
  void on_response_body(std::string_view data) override;
  void on_response_end(const Fields& trailers) override;
  void on_tunnel_output(std::string_view data) override;
  void on_tunnel_end() override;
  void on_upstream_failed(core::Reason reason, std::string detail) override;
  void on_upstream_progress() override;

  void decide();
  void on_ocsp(const tls::OcspEntry& entry);
  void judge_ocsp(tls::OcspEntry::What what, core::Reason reason, std::string_view detail);
  void act();
  void begin_local();
  void send_local();
  void redirect();
  void begin_upstream();
  void next_endpoint();
  std::unique_ptr<UpstreamConnection> take_idle(EndpointPool& endpoint);
  void try_connect(EndpointPool& endpoint);
  void send_request();
  void begin_tunnel(const ResponseHead& head);
  void forward_interim(const ResponseHead& head);
  [[nodiscard]] bool may_retry() const;
  void refuse(core::Reason reason, std::string_view detail, unsigned status = 0);
  void on_deadline();
  [[nodiscard]] bool waits_for_upstream() const;
  void release_upstream(bool reuse);
  void count_upstream(UpstreamOutcome outcome);
  void finish(core::Reason reason, std::string_view detail);
  void record(core::Reason reason, std::string_view detail);
  void log(std::uint64_t now, core::Reason reason, std::string_view detail);
  [[nodiscard]] RequestVariables variables() const;
  // As an upstream sees it; the echo responder shows the same.
  void write_request_head(std::string& out) const;
  [[nodiscard]] bool to_head() const { return head_.method == "HEAD"; }
  [[nodiscard]] std::string_view policy_rule() const;

  WorkerState& worker_;
  ClientConnection& client_;
  const std::shared_ptr<const Snapshot> snapshot_;
  const RequestHead& head_;
  Admission& admission_;
  std::string& request_id_;
  HostMetrics* metrics_ = nullptr;
  State state_ = State::deciding;

  std::shared_ptr<UpstreamGroup> group_;    // keeps its endpoints
  std::vector<const EndpointPool*> tried_;  // in vain
  EndpointPool* endpoint_ = nullptr;
  std::unique_ptr<UpstreamConnection> upstream_;
  core::Deadline deadline_;
  OcspWait ocsp_wait_;

  std::uint64_t started_at_ = 0;  // uv_hrtime, like the following
  std::uint64_t connect_started_at_ = 0;
  std::uint64_t connected_at_ = 0;
  std::uint64_t first_byte_at_ = 0;
  std::uint64_t upstream_progress_ = 0;  // loop time
  std::uint64_t request_bytes_ = 0;
  std::uint64_t response_bytes_ = 0;
  std::uint32_t retries_left_ = 0;
  unsigned status_ = 0;
  unsigned interim_responses_ = 0;
  bool request_complete_;
  bool request_forwarded_ = false;  // some of the body has gone to the upstream
  bool response_started_ = false;   // the client has been sent a final head
  bool refused_ = false;            // ... and that was our own answer, whole
  bool chunked_to_client_ = false;
  bool close_client_ = false;
  bool upload_paused_ = false;
  bool download_paused_ = false;
  bool tunnel_input_ended_ = false;
  bool tunnel_output_ended_ = false;
  bool upstream_counted_ = false;
  bool connection_is_private_ = false;  // the upstream may have authenticated it: nobody else may use it
};

}  // namespace gateway::proxy
