#include "config/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/quote.h"

namespace gateway::config {
namespace {

std::string hosts_of(const proxy::VirtualHost& host) {
  constexpr std::size_t kShown = 4;
  const std::size_t shown = std::min(kShown, host.hosts.size());
  std::string out;
  for (std::size_t i = 0; i < shown; ++i) out += (i > 0 ? ", " : "") + host.hosts[i];
  if (host.hosts.size() > shown) out += fmt::format(" and {} more", host.hosts.size() - shown);
  if (host.is_default) out += out.empty() ? "default" : ", default";
  return out;
}

std::string line_of(const proxy::VirtualHost& host) {
  std::string mode = "plain http";
  if (host.tls) {
    mode = fmt::format("client_auth {}", tls::to_string(host.tls->client_auth));
    if (host.tls->trust) mode += fmt::format(", trust {}", host.tls->trust->name);
  }
  return fmt::format("virtual host {} ({}): {}, policy {}, {} route(s)", host.name, hosts_of(host), mode,
                     host.policy ? host.policy->name() : "none", host.routes.size());
}

}  // namespace

std::vector<std::string> summarise(const proxy::Snapshot& snapshot, std::span<const std::string> trust_lines,
                                   std::span<const std::shared_ptr<const policy::RuleSet>> policies) {
  constexpr std::size_t kShownHosts = 50;
  std::vector<std::string> lines;
  for (const proxy::Listener& listener : snapshot.listeners) {
    lines.push_back(fmt::format("listener {}: {} on {}{}", listener.name,
                                listener.protocol == proxy::Protocol::https ? "https" : "http", listener.bind,
                                listener.redirect_to_https ? ", redirects to https" : ""));
  }
  for (std::size_t i = 0; i < std::min(kShownHosts, snapshot.virtual_hosts.size()); ++i) {
    lines.push_back(line_of(snapshot.virtual_hosts[i]));
  }
  if (snapshot.virtual_hosts.size() > kShownHosts) {
    lines.push_back(fmt::format("and {} more virtual hosts", snapshot.virtual_hosts.size() - kShownHosts));
  }
  lines.insert(lines.end(), trust_lines.begin(), trust_lines.end());
  for (const auto& policy : policies) {
    const policy::RuleSetStats stats = policy->stats();
    lines.push_back(
        fmt::format("policy {}: {} rule(s), {} indexed, {} looked at on each request, {} regular expression(s)",
                    policy->name(), stats.rules, stats.indexed, stats.scanned, stats.regexes));
  }
  for (const proxy::Upstream& upstream : snapshot.upstreams) {
    lines.push_back(fmt::format("upstream {}: {} endpoint(s)", upstream.name, upstream.endpoints.size()));
  }
  for (std::string& line : lines) line = escaped(line);
  return lines;
}

}  // namespace gateway::config
