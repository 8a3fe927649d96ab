#include "proxy/worker.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/mailbox.h"
#include "core/sliced_sweep.h"
#include "core/tcp_listener.h"
#include "proxy/client_connection.h"
#include "proxy/metrics_copy.h"
#include "proxy/worker_state.h"

namespace gateway::proxy {
namespace {

// How often all connections are judged again without a new snapshot: certificates and CRLs run out.
constexpr core::Milliseconds kJudgeInterval{800};
// And how long after an OCSP answer that ends some of them.
constexpr core::Milliseconds kJudgeSoon{100};

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

class Worker::Impl final : public ClientConnectionOwner {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        state_({.loop = loop_,
                .access_log = options_.access_log,
                .worker = options_.index,
                .ask_ocsp = options_.ask_ocsp,
                .ocsp_reply = [this](OcspAnswered answered) { mailbox_.post(std::move(answered)); }}),
        mailbox_(loop_.get(), [this](WorkerMessage&& message) { handle(std::move(message)); }),
        drain_sweep_(
            loop_, [this] { return connections_.size(); }, [this](std::size_t i) { tell_of_drain(*connections_[i]); }),
        judge_timer_(state_.wheel, [this] { begin_judging(); }),
        drain_deadline_(state_.wheel, [this] { end_drain(); }) {
    for (auto* idle : {&judge_idle_, &report_idle_})
      idle->init([&](uv_idle_t* handle) { return uv_idle_init(loop_.get(), handle); }, this);
    thread_ = std::thread([this] {
      // For top and ps: at most 15 characters.
      ::pthread_setname_np(::pthread_self(), ("worker-" + std::to_string(options_.index)).c_str());
      loop_.run();
    });
  }

  virtual ~Impl() {
    mailbox_.post(Stop{});
    thread_.join();
  }

  void post(WorkerMessage message) { mailbox_.post(std::move(message)); }

 private:
  struct WatchedListener {
    std::string bind;
    std::unique_ptr<core::TcpListener> listener;
  };

  void handle(WorkerMessage&& message) {
    std::visit(Overloaded{[this](AdoptSnapshot& adopt) { handle_adopt(adopt); },
                          [this](UpdateEndpoints& update) { state_.upstreams.update(*update.endpoints); },
                          [this](AnnounceDrain&) { announce_drain(); }, [this](BeginDrain&) { begin_drain(); },
                          [this](Stop&) { stop(); }, [this](CollectMetrics& collect) { begin_report(collect.request); },
                          [this](Ping& ping) { options_.reply(Pong{options_.index, ping.round}); },
                          [this](AdoptRevocations& adopt) { handle_revocations(adopt); },
                          [this](OcspAnswered& answered) { handle_ocsp(std::move(answered)); },
                          [this](UpdateStaples& update) {
                            if (state_.contexts()) state_.contexts()->staples().replace(std::move(update.staples));
                          }},
               message);
  }

  void handle_adopt(AdoptSnapshot& adopt) {
    const std::uint64_t generation = adopt.index->snapshot()->generation;
    state_.adopt(std::move(adopt.index), std::move(adopt.contexts), *adopt.endpoints);
    std::string error;
    std::erase_if(listeners_, [this](const WatchedListener& watched) { return !wanted(watched.bind); });
    for (ListenerSocket& socket : adopt.new_sockets) watch(std::move(socket), error);
    begin_judging();
    options_.reply(WorkerAdopted{options_.index, generation, std::move(error)});
  }

  void handle_revocations(AdoptRevocations& adopt) {
    state_.adopt_revocations(std::move(adopt.revocations));
    revocations_.push_back({.worker = options_.index, .round = adopt.round, .closed = 0});
    begin_judging();
  }

  void handle_ocsp(OcspAnswered answered) {
    if (!state_.contexts()) return;
    if (state_.ocsp.on_answer(state_.contexts()->revocations().ocsp, std::move(answered), wall_clock())) judge_soon();
  }

  // Many answers in a row must not have the verdicts begin anew with each.
  void judge_soon() {
    if (!std::exchange(judges_soon_, true)) judge_timer_.set(kJudgeSoon);
  }

  [[nodiscard]] bool wanted(const std::string& bind) const {
    return std::ranges::find(state_.snapshot()->listeners, bind, &Listener::bind) != state_.snapshot()->listeners.end();
  }

  void watch(ListenerSocket socket, std::string& error) {
    if (state_.draining) return;
    auto listener =
        std::make_unique<core::TcpListener>([this, bind = socket.bind](uv_stream_t* server) { accept(bind, server); });
    if (const int status = listener->start(loop_, std::move(socket.fd)); status != 0) {
      error += socket.bind + ": " + uv_strerror(status) + "; ";
      return;
    }
    listeners_.push_back({std::move(socket.bind), std::move(listener)});
  }

  void accept(const std::string& bind, uv_stream_t* server) {
    const auto& listeners = state_.snapshot()->listeners;
    const auto found = std::ranges::find(listeners, bind, &Listener::bind);
    auto connection =
        std::make_unique<ClientConnection>(state_, *this, static_cast<std::uint32_t>(found - listeners.begin()));
    const std::uint64_t open = options_.connections->fetch_add(1, std::memory_order_relaxed);
    WorkerMetrics& metrics = state_.recorder.metrics();
    const int status = connection->accept(server);
    const std::uint64_t limit = std::min(state_.snapshot()->limits.connections, options_.descriptor_cap);
    if (status != 0 || open >= limit) {
      if (status == 0) ++metrics.refused_at_limit;
      options_.connections->fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    ++metrics.accepted;
    ++metrics.client_connections;
    connection->slot = connections_.size();
    connections_.push_back(std::move(connection));
    connections_.back()->start();
  }

  void connection_ended(ClientConnection& connection) override {
    options_.connections->fetch_sub(1, std::memory_order_relaxed);
    --state_.recorder.metrics().client_connections;
    const std::size_t slot = connection.slot;
    loop_.retire(std::move(connections_[slot]));
    if (slot + 1 != connections_.size()) {
      connections_[slot] = std::move(connections_.back());
      connections_[slot]->slot = slot;
    }
    connections_.pop_back();
    if (state_.draining && connections_.empty()) end_drain();
  }

  // Goes down from the end: a connection that is added, or moved into a gap, has been judged under the newest snapshot.
  void begin_judging() {
    judge_cursor_ = connections_.size();
    judge_timer_.set(kJudgeInterval);
    judges_soon_ = false;
    uv_idle_start(judge_idle_.get(), [](uv_idle_t* handle) {
      if (auto* self = core::UvHandle<uv_idle_t>::owner<Impl>(handle)) self->judge_slice();
    });
  }

  void judge_slice() {
    const std::uint64_t until =
        uv_hrtime() + static_cast<std::uint64_t>(std::chrono::nanoseconds(core::kJudgeSlice).count());
    judge_cursor_ = std::min(judge_cursor_, connections_.size());
    while (judge_cursor_ > 0) {
      --judge_cursor_;
      if (connections_[judge_cursor_]->judge_again() == core::Reason::revoked) {
        for (RevocationsAdopted& adopted : revocations_) ++adopted.closed;
      }
      judge_cursor_ = std::min(judge_cursor_, connections_.size());
      if (uv_hrtime() > until) return;
    }
    uv_idle_stop(judge_idle_.get());
    for (const RevocationsAdopted& adopted : std::exchange(revocations_, {})) options_.reply(adopted);
  }

  void announce_drain() {
    if (state_.drain_announced || state_.draining) return;
    state_.drain_announced = true;
    drain_sweep_.begin();
  }

  void begin_drain() {
    if (state_.draining) return;
    state_.draining = true;
    listeners_.clear();
    drain_deadline_.set(state_.snapshot() ? state_.snapshot()->timeouts.drain : core::Timeouts{}.drain);
    drain_sweep_.begin();
    if (connections_.empty()) end_drain();
  }

  // Who sends a request before it is told gets an answer that says it.
  void tell_of_drain(ClientConnection& connection) {
    if (state_.draining) {
      connection.begin_drain();
    } else {
      connection.announce_drain();
    }
  }

  void end_drain() {
    if (drained_) return;
    drained_ = true;
    drain_deadline_.cancel();
    abort_connections();
    options_.reply(WorkerDrained{options_.index});
  }

  void abort_connections() {
    while (!connections_.empty()) connections_.back()->abort();
  }

  void stop() {
    drained_ = true;
    listeners_.clear();
    judge_timer_.cancel();
    drain_deadline_.cancel();
    abort_connections();
    state_.upstreams.close_idle();
    loop_.stop();
  }

  // Whoever asks while a copy is made gets that one.
  void begin_report(std::uint64_t request) {
    report_request_ = request;
    if (metrics_copy_.is_running()) return;
    metrics_copy_.begin(state_.recorder.metrics());
    uv_idle_start(report_idle_.get(), [](uv_idle_t* handle) {
      if (auto* self = core::UvHandle<uv_idle_t>::owner<Impl>(handle)) self->report_slice();
    });
  }

  void report_slice() {
    state_.recorder.metrics().ocsp_waiting = state_.ocsp.waiting();
    // Somebody may ask for the status before there is a first snapshot.
    if (state_.contexts()) state_.recorder.metrics().verification = state_.contexts()->verification_counts();
    auto copy = metrics_copy_.next_slice();
    if (!copy) return;
    uv_idle_stop(report_idle_.get());
    options_.reply(WorkerReport{options_.index, report_request_, std::move(copy)});
  }

  Options options_;
  core::EventLoop loop_;
  WorkerState state_;
  core::Mailbox<WorkerMessage> mailbox_;
  std::vector<WatchedListener> listeners_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  core::UvHandle<uv_idle_t> judge_idle_;
  core::UvHandle<uv_idle_t> report_idle_;
  core::SlicedSweep drain_sweep_;
  MetricsCopy metrics_copy_;
  std::uint64_t report_request_ = 0;
  core::Deadline judge_timer_;
  core::Deadline drain_deadline_;
  std::size_t judge_cursor_ = 0;
  bool judges_soon_ = false;
  std::vector<RevocationsAdopted> revocations_;  // to be answered once all were judged
  bool drained_ = false;
  std::thread thread_;
};

Worker::Worker(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Worker::~Worker() = default;
void Worker::post(WorkerMessage message) {
  impl_->post(std::move(message));
}

}  // namespace gateway::proxy
