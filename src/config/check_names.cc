#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "config/checks.h"
#include "config/quote.h"
#include "config/suggestion.h"

namespace gateway::config {
namespace {

// The names of one kind of thing, and which of them were referred to.
class NameSet {
 public:
  NameSet(std::string_view kind, DiagnosticSink& sink) : kind_(kind), sink_(sink) {}

  void declare(const Text& name) {
    const auto [first, is_new] = places_.emplace(name.value, name.at);
    if (is_new) {
      order_.push_back(name);
    } else {
      sink_.error(
          name.at, name.value,
          fmt::format("{} {} is there twice; first in line {}", kind_, in_quotes(name.value), first->second.line));
    }
  }

  void refer(const std::optional<Text>& name) {
    if (name) refer(*name);
  }
  void refer(const Text& name) {
    used_.insert(name.value);
    if (places_.contains(name.value)) return;
    const std::vector<std::string_view> known = names();
    std::string hint = suggestion(name.value, known);
    if (hint.empty())
      hint =
          known.empty() ? fmt::format("; there is no {} at all", kind_) : fmt::format("; known are {}", shown(known));
    sink_.error(name.at, name.value, fmt::format("unknown {} {}{}", kind_, in_quotes(name.value), hint));
  }

  void warn_of_unused() {
    for (const Text& name : order_) {
      if (!used_.contains(name.value)) {
        sink_.warning(name.at, name.value, fmt::format("{} {} is not used", kind_, in_quotes(name.value)));
      }
    }
  }

 private:
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> all;
    for (const Text& name : order_) all.push_back(name.value);
    return all;
  }
  static std::string shown(std::span<const std::string_view> all) {
    constexpr std::size_t kShown = 8;
    if (all.size() <= kShown) return one_of(all);
    return fmt::format("{} and {} more", fmt::join(all.first(kShown), ", "), all.size() - kShown);
  }

  std::string_view kind_;
  DiagnosticSink& sink_;
  std::unordered_map<std::string, Position> places_;
  std::unordered_set<std::string> used_;
  std::vector<Text> order_;
};

}  // namespace

void check_names(const Config& config, DiagnosticSink& sink) {
  NameSet listeners("listener", sink);
  NameSet trust("trust set", sink);
  NameSet policies("policy", sink);
  NameSet hosts("virtual host", sink);
  NameSet upstreams("upstream", sink);
  for (const ListenerConfig& listener : config.listeners) {
    if (!listener.name.value.empty()) listeners.declare(listener.name);
  }
  for (const TrustConfig& set : config.trust) trust.declare(set.name);
  for (const PolicyConfig& policy : config.policies) policies.declare(policy.name);
  for (const UpstreamConfig& upstream : config.upstreams) upstreams.declare(upstream.name);
  for (const VirtualHostConfig& host : config.virtual_hosts) {
    hosts.declare(host.name);
    for (const Text& name : host.listeners) {
      if (config.listeners_are_complete) listeners.refer(name);
    }
    if (host.tls) trust.refer(host.tls->trust);
    policies.refer(host.policy);
    for (const RouteConfig& route : host.routes) upstreams.refer(route.upstream);
  }
  trust.warn_of_unused();
  policies.warn_of_unused();
  upstreams.warn_of_unused();
}

void check_listeners(const Config& config, DiagnosticSink& sink) {
  std::unordered_map<std::string, Position> binds;
  const auto claim = [&](const std::string& host, std::uint16_t port, Position at, std::string_view written) {
    const auto ip = core::IpAddress::parse(host);  // "::" and "0::0" are one
    const auto [first, is_new] = binds.emplace(fmt::format("{} {}", ip ? ip->to_string() : host, port), at);
    if (!is_new) {
      sink.error(at, written, fmt::format("{} is bound already in line {}", in_quotes(written), first->second.line));
    }
  };
  const bool has_https = std::ranges::any_of(
      config.listeners, [](const ListenerConfig& listener) { return listener.protocol == proxy::Protocol::https; });
  for (const ListenerConfig& listener : config.listeners) {
    if (listener.address.port != 0)
      claim(listener.address.host, listener.address.port, listener.bind.at, listener.bind.value);
    if (!listener.redirect_to_https) continue;
    if (listener.protocol != proxy::Protocol::http) {
      sink.error(listener.redirect_at, "true", "'redirect_to_https' is for listeners with 'protocol: http'");
    } else if (!has_https) {
      sink.error(listener.redirect_at, "true", "there is no https listener to redirect to");
    }
  }
  if (config.admin.metrics) {
    claim(config.admin.metrics->host, config.admin.metrics->port, config.admin.metrics_at,
          fmt::format("{}:{}", config.admin.metrics->host, config.admin.metrics->port));
  }
}

}  // namespace gateway::config
