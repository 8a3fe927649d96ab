#include "gatewayd/health_checker.h"

#include <set>
#include <utility>

#include "core/log.h"
#include "proxy/worker_message.h"

namespace gateway::gatewayd {

struct HealthChecker::Check {
  Check(core::EventLoop& loop, Timer::Callback on_time) : interval(loop, std::move(on_time)) {}
  std::string upstream;
  proxy::Endpoint endpoint;
  proxy::HealthCheck options;
  HealthState state;
  std::unique_ptr<HealthProbe> running;
  Timer interval;
};

HealthChecker::HealthChecker(core::EventLoop& loop, Resolve resolve, std::function<void()> on_change)
    : loop_(loop), resolve_(std::move(resolve)), on_change_(std::move(on_change)) {}

HealthChecker::~HealthChecker() = default;

void HealthChecker::watch(const std::vector<proxy::Upstream>& upstreams) {
  std::set<std::string> wanted;
  for (const auto& upstream : upstreams) {
    if (!upstream.health_check) continue;
    for (const auto& endpoint : upstream.endpoints) {
      const auto key = proxy::endpoint_key(upstream.name, endpoint.address);
      wanted.insert(key);
      auto& check = checks_[key];
      const bool is_new = check == nullptr;
      if (is_new) {
        check = std::make_unique<Check>(loop_, [this, key] { probe(*checks_.at(key)); });
        check->upstream = upstream.name;
      }
      const bool same_interval = !is_new && check->options.interval == upstream.health_check->interval;
      check->endpoint = endpoint;
      check->options = *upstream.health_check;
      // A reload must not put off the next probe again and again.
      if (!same_interval) check->interval.start(core::Milliseconds{0}, check->options.interval);
    }
  }
  std::erase_if(checks_, [&](const auto& check) { return !wanted.contains(check.first); });
}

bool HealthChecker::healthy(const std::string& endpoint_key) const {
  const auto found = checks_.find(endpoint_key);
  return found == checks_.end() || found->second->state.healthy();
}

void HealthChecker::probe(Check& check) {
  if (check.running) return;  // its timeout is longer than the interval
  const auto& endpoint = check.endpoint;
  HealthProbe::Target target{.addresses = {},
                             .unix_path = endpoint.unix_path,
                             .host = endpoint.unix_path.empty() ? endpoint.address : "localhost",
                             .path = check.options.path,
                             .timeout = check.options.timeout};
  if (endpoint.unix_path.empty()) target.addresses = resolve_(endpoint);
  check.running = std::make_unique<HealthProbe>(
      loop_, std::move(target),
      [this, &check](bool success, const std::string& detail) { on_result(check, success, detail); });
  check.running->start();
}

void HealthChecker::on_result(Check& check, bool success, const std::string& detail) {
  loop_.retire(std::move(check.running));
  if (!check.state.record(success, check.options.fall, check.options.rise)) return;
  const bool healthy = check.state.healthy();
  core::log_event(healthy ? core::LogLevel::info : core::LogLevel::warning,
                  healthy ? "endpoint is healthy again" : "endpoint is not healthy",
                  {{"upstream", check.upstream}, {"endpoint", check.endpoint.address}, {"detail", detail}});
  on_change_();
}

}  // namespace gateway::gatewayd
