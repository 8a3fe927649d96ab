#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "core/log_sink.h"
#include "core/recycled.h"
#include "proxy/access_log.h"
#include "proxy/metric_recorder.h"
#include "proxy/ocsp_desk.h"
#include "proxy/request_workspace.h"
#include "proxy/snapshot_index.h"
#include "proxy/upstream_pool.h"
#include "tls/worker_contexts.h"

namespace gateway::proxy {

class ClientConnection;

inline std::chrono::sys_seconds wall_clock() {
  return std::chrono::sys_seconds(std::chrono::seconds(::time(nullptr)));  // cheaper than system_clock's nanoseconds
}

// What all connections of one worker share. Owned by the worker; used on its thread only.
class WorkerState final : private core::TurnEndTask {
 public:
  struct Parts {
    core::EventLoop& loop;
    core::LogSink* access_log = nullptr;
    unsigned worker = 0;
    OcspDesk::Ask ask_ocsp = {};
    std::function<void(OcspAnswered)> ocsp_reply = {};  // posts to this worker, from any thread
  };
  explicit WorkerState(Parts parts);

  core::EventLoop& loop;
  core::DeadlineWheel wheel;
  MetricRecorder recorder;
  UpstreamPool upstreams;
  OcspDesk ocsp;
  // Plaintext as it comes out of TLS; a view to it lives as long as the callback.
  std::vector<char> plaintext_scratch;
  core::SpareObjects<RequestWorkspace> workspaces;
  core::SpareObjects<ResponseParser> response_parsers;
  bool drain_announced = false;
  bool draining = false;

  void adopt(std::shared_ptr<const SnapshotIndex> index, std::shared_ptr<const tls::WorkerContexts> contexts,
             const EndpointStates& states);
  // Before the first snapshot there is nobody whom it could concern, and the list comes with the contexts.
  void adopt_revocations(std::shared_ptr<const tls::KnownRevocations> revocations);
  // Grows whenever open connections must be judged again.
  [[nodiscard]] std::uint64_t rules() const { return rules_; }
  [[nodiscard]] const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  [[nodiscard]] const std::shared_ptr<const tls::WorkerContexts>& contexts() const { return contexts_; }
  // In the newest snapshot.
  [[nodiscard]] std::optional<std::uint32_t> host_named(std::string_view name) const {
    return index_->host_named(name);
  }

  // Whether there is an access log at all: a record need not be put together for none.
  [[nodiscard]] bool logging() const;
  void log(const RequestRecord& record);
  void log(const HandshakeRecord& record);
  void log(const ConnectionRecord& record);

  // 128 random bits in hex: unique, not secret.
  void make_request_id(std::string& id);

 private:
  void at_turn_end() override;
  core::LogSink* access_log_;
  core::Deadline submit_again_;
  std::string log_lines_;
  std::shared_ptr<const SnapshotIndex> index_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const tls::WorkerContexts> contexts_;
  std::uint64_t rules_ = 0;
  std::mt19937_64 random_;
};

}  // namespace gateway::proxy
