#include "gatewayd/worker_set.h"

#include <utility>

namespace gateway::gatewayd {

core::Result<std::unique_ptr<WorkerSet>> WorkerSet::create(Options options) {
  std::unique_ptr<WorkerSet> set(new WorkerSet(std::move(options)));
  set->contexts_.resize(set->size());
  for (unsigned i = 0; i < set->size(); ++i) {
    set->libraries_.push_back(tls::make_worker_library());
    if (!set->libraries_.back()) {
      return core::fail(core::Reason::internal, core::Side::gateway, "OpenSSL can't be set up for a worker");
    }
    tls::share_sessions(*set->libraries_.back(), set->sessions_);
    tls::revocations_of(*set->libraries_.back()).ordered = set->options_.revocations;
  }
  return set;
}

void WorkerSet::start() {
  for (unsigned i = 0; i < size(); ++i) {
    workers_.push_back(
        std::make_unique<proxy::Worker>(proxy::Worker::Options{.index = i,
                                                               .ask_ocsp = options_.ask_ocsp,
                                                               .reply = options_.reply,
                                                               .access_log = options_.access_log,
                                                               .connections = &connections_,
                                                               .descriptor_cap = options_.descriptor_cap}));
  }
}

core::Result<void> WorkerSet::can_serve(const tls::HostOptions& host,
                                        const std::shared_ptr<const tls::TicketKeys>& ticket_keys) const {
  TRY(const auto built,
      tls::WorkerContexts::build(libraries_.front(), tls::HostList({std::make_shared<const tls::HostOptions>(host)}),
                                 ticket_keys, nullptr));
  return {};
}

core::Result<WorkerSet::Contexts> WorkerSet::build_contexts(
    const proxy::Snapshot& snapshot, const std::shared_ptr<const tls::TicketKeys>& ticket_keys) const {
  tls::HostList hosts;
  for (const auto& host : snapshot.virtual_hosts) hosts.add(host.tls);
  Contexts built;
  for (unsigned i = 0; i < size(); ++i) {
    TRY(auto contexts, tls::WorkerContexts::build(libraries_[i], hosts, ticket_keys, contexts_[i].get()));
    built.push_back(std::move(contexts));
  }
  return built;
}

std::vector<std::shared_ptr<const void>> WorkerSet::adopt(const std::shared_ptr<const proxy::Snapshot>& snapshot,
                                                          Contexts contexts,
                                                          const std::shared_ptr<const proxy::EndpointStates>& endpoints,
                                                          Sockets sockets) {
  sockets.resize(size());
  std::vector<std::shared_ptr<const void>> left(contexts_.begin(), contexts_.end());
  // The index holds its snapshot, but a connection may hold the snapshot alone.
  if (index_) left.insert(left.end(), {index_, index_->snapshot()});
  contexts_ = std::move(contexts);
  index_ = std::make_shared<const proxy::SnapshotIndex>(snapshot);
  for (unsigned i = 0; i < size(); ++i) {
    workers_[i]->post(proxy::AdoptSnapshot{
        .index = index_, .contexts = contexts_[i], .endpoints = endpoints, .new_sockets = std::move(sockets[i])});
  }
  return left;
}

void WorkerSet::adopt_revocations(std::uint64_t round,
                                  const std::shared_ptr<const tls::KnownRevocations>& revocations) {
  for (const auto& worker : workers_) worker->post(proxy::AdoptRevocations{.round = round, .revocations = revocations});
}

void WorkerSet::update_endpoints(const std::shared_ptr<const proxy::EndpointStates>& endpoints) {
  for (const auto& worker : workers_) worker->post(proxy::UpdateEndpoints{.endpoints = endpoints});
}

void WorkerSet::update_staples(const std::shared_ptr<const tls::Staples>& staples) {
  for (const auto& worker : workers_) worker->post(proxy::UpdateStaples{.staples = staples});
}

void WorkerSet::announce_drain() {
  for (const auto& worker : workers_) worker->post(proxy::AnnounceDrain{});
}

void WorkerSet::begin_drain() {
  for (const auto& worker : workers_) worker->post(proxy::BeginDrain{});
}

void WorkerSet::collect_metrics(std::uint64_t request) {
  for (const auto& worker : workers_) worker->post(proxy::CollectMetrics{.request = request});
}

void WorkerSet::ping(std::uint64_t round) {
  for (const auto& worker : workers_) worker->post(proxy::Ping{.round = round});
}

void WorkerSet::stop() {
  // All are told first, so that they end side by side.
  for (const auto& worker : workers_) worker->post(proxy::Stop{});
  workers_.clear();
}

}  // namespace gateway::gatewayd
