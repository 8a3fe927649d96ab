#include "proxy/worker_state.h"

#include <array>

namespace gateway::proxy {
namespace {
constexpr std::size_t kPlaintextBytes = 64 << 10;
}

WorkerState::WorkerState(Parts parts)
    : loop(parts.loop),
      wheel(parts.loop),
      upstreams(parts.loop, recorder.metrics()),
      ocsp(parts.loop, wheel, parts.worker, std::move(parts.ask_ocsp), std::move(parts.ocsp_reply)),
      plaintext_scratch(kPlaintextBytes),
      access_log_(parts.access_log),
      submit_again_(wheel, [this] { loop.at_turn_end(*this); }) {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
  random_.seed(seed);
}

void WorkerState::adopt(std::shared_ptr<const SnapshotIndex> index, std::shared_ptr<const tls::WorkerContexts> contexts,
                        const EndpointStates& states) {
  index_ = std::move(index);
  // With a count of this worker's own: each request counts itself, and workers would fight for the cache line.
  snapshot_ =
      std::shared_ptr<const Snapshot>(index_->snapshot().get(), [kept = index_->snapshot()](const Snapshot*) {});
  contexts_ = std::move(contexts);
  ++rules_;
  recorder.forget_policies();
  recorder.keep_anchors_of(*index_);
  upstreams.adopt(*snapshot_, states);
}

void WorkerState::adopt_revocations(std::shared_ptr<const tls::KnownRevocations> revocations) {
  if (!contexts_) return;
  contexts_->revocations().ordered = std::move(revocations);
  ++rules_;
}

bool WorkerState::logging() const {
  return access_log_ != nullptr && snapshot_->access_log.path != "off";
}

void WorkerState::log(const RequestRecord& record) {
  if (!logging() || log_lines_.size() > core::kLogBacklogBytes) return;
  format_request(record, snapshot_->access_log.format, log_lines_);
  loop.at_turn_end(*this);
}

void WorkerState::log(const HandshakeRecord& record) {
  if (!logging() || log_lines_.size() > core::kLogBacklogBytes) return;
  format_handshake(record, snapshot_->access_log.format, log_lines_);
  loop.at_turn_end(*this);
}

void WorkerState::log(const ConnectionRecord& record) {
  if (!logging() || log_lines_.size() > core::kLogBacklogBytes) return;
  format_connection(record, snapshot_->access_log.format, log_lines_);
  loop.at_turn_end(*this);
}

void WorkerState::at_turn_end() {
  access_log_->submit(log_lines_);
  // The writer held the lock: the lines go with a later turn.
  if (!log_lines_.empty()) submit_again_.set(core::kTick);
}

void WorkerState::make_request_id(std::string& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  id.assign(32, '0');
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t bits = random_();
    char* const digits = id.data() + half * 16;
    for (std::size_t i = 0; i < 16; ++i, bits >>= 4) digits[i] = kDigits.data()[bits & 0xF];
  }
}

}  // namespace gateway::proxy
