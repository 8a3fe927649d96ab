#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "proxy/upstream_connection.h"
#include "proxy/worker_message.h"

namespace gateway::proxy {

// One endpoint as one worker sees it: its idle connections, most recently used last, and whether it is worth trying.
class EndpointPool : public std::enable_shared_from_this<EndpointPool> {
 public:
  EndpointPool(Endpoint endpoint, EndpointMetrics& metrics) : endpoint_(std::move(endpoint)), metrics_(metrics) {}

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] EndpointMetrics& metrics() const { return metrics_; }

  void set_max_idle(std::size_t max_idle);
  // `state` may be null: then a literal address speaks for itself.
  void set_state(const EndpointState* state);

  // Health-checked down, or a name without an address.
  [[nodiscard]] bool usable() const { return healthy_ && (!addresses_.empty() || !endpoint_.unix_path.empty()); }
  // Refused a connection lately.
  [[nodiscard]] bool paused(std::uint64_t now) const { return now < paused_until_; }
  void pause(std::uint64_t now) { paused_until_ = now + static_cast<std::uint64_t>(core::kEndpointPause.count()); }
  void unpause() { paused_until_ = 0; }

  // The idle connection that was used last, or null.
  std::unique_ptr<UpstreamConnection> take_idle();
  // A new connection that has begun to connect, or null if that failed at once.
  std::unique_ptr<UpstreamConnection> connect(core::EventLoop& loop, core::DeadlineWheel& wheel,
                                              core::Milliseconds timeout);
  // Keeps `connection` for the next request, or retires it if the pool is full.
  void give_back(std::unique_ptr<UpstreamConnection> connection, core::EventLoop& loop);
  // For a connection that ends while idle.
  std::unique_ptr<UpstreamConnection> take(const UpstreamConnection& connection);
  void close_idle(core::EventLoop& loop);

 private:
  Endpoint endpoint_;
  EndpointMetrics& metrics_;
  std::vector<sockaddr_storage> addresses_;
  std::size_t next_address_ = 0;
  bool healthy_ = true;
  std::uint64_t paused_until_ = 0;
  std::size_t max_idle_ = 0;
  std::vector<std::unique_ptr<UpstreamConnection>> idle_;
};

// The endpoints of one upstream, for one worker.
class UpstreamGroup {
 public:
  UpstreamGroup(std::string name, std::vector<std::shared_ptr<EndpointPool>> endpoints)
      : name_(std::move(name)), endpoints_(std::move(endpoints)) {}

  // After the state of an endpoint was set: next() goes through none that is out of use.
  void look_for_usable();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<std::shared_ptr<EndpointPool>>& endpoints() const { return endpoints_; }
  // Round robin over usable endpoints that are not in `tried`; those that refused lately come last. Null if there is
  // none.
  EndpointPool* next(std::span<const EndpointPool* const> tried, std::uint64_t now);

 private:
  std::string name_;
  std::vector<std::shared_ptr<EndpointPool>> endpoints_;
  std::vector<EndpointPool*> usable_;  // in the order of endpoints_
  std::size_t cursor_ = 0;
};

// All upstreams of one worker. What stays the same over a reload keeps its connections.
class UpstreamPool {
 public:
  explicit UpstreamPool(core::EventLoop& loop, WorkerMetrics& metrics) : loop_(loop), metrics_(metrics) {}

  void adopt(const Snapshot& snapshot, const EndpointStates& states);
  void update(const EndpointStates& states);
  // Before the worker's loop ends.
  void close_idle();
  // `index` is one of the snapshot that was adopted last.
  [[nodiscard]] std::shared_ptr<UpstreamGroup> group(std::uint32_t index) const { return groups_[index]; }

 private:
  core::EventLoop& loop_;
  WorkerMetrics& metrics_;
  std::unordered_map<std::string, std::shared_ptr<EndpointPool>> endpoints_;  // by endpoint_key()
  std::vector<std::shared_ptr<UpstreamGroup>> groups_;
};

}  // namespace gateway::proxy
