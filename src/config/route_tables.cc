#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "config/checks.h"
#include "config/quote.h"
#include "proxy/request_target.h"

namespace gateway::config {
namespace {

bool keeps_encoded_slashes(const VirtualHostConfig& host, const RouteConfig& route) {
  return route.settings.keep_encoded_slashes.value_or(host.settings.keep_encoded_slashes.value_or(false));
}

// Whether a request can have a path that `route` takes. Every path is normalised before it is looked up, so one that is
// written in another form never matches.
bool check_path(const VirtualHostConfig& host, const RouteConfig& route, DiagnosticSink& sink) {
  const Text& path = route.path;
  const auto reject = [&](std::string_view message) {
    sink.error(path.at, path.value, message);
    return false;
  };
  if (!path.value.starts_with('/')) {
    return reject(fmt::format("expected a path that begins with '/', found {}", in_quotes(path.value)));
  }
  const bool is_prefix = path.value.ends_with("/*");
  std::string_view fixed = path.value;
  if (is_prefix) fixed.remove_suffix(fixed.size() > 2 ? 2 : 1);
  if (fixed.find('*') != std::string_view::npos) {
    return reject(
        fmt::format("expected '*' only at the end, behind a '/' (as in /v1/*), found {}", in_quotes(path.value)));
  }
  if (fixed.find_first_of("?#") != std::string_view::npos) {
    return reject(fmt::format("expected a path without query or fragment, found {}", in_quotes(path.value)));
  }
  const auto target = proxy::parse_request_target("GET", fixed, host.merge_slashes);
  if (!target) {
    return reject(fmt::format("no request can have the path {}: {}", in_quotes(path.value), target.error()));
  }
  if (target->path != fixed) {
    return reject(fmt::format("no request can have the path {}: it is normalised to {}", in_quotes(path.value),
                              in_quotes(target->path)));
  }
  if (target->encoded_slash && !keeps_encoded_slashes(host, route)) {
    return reject(
        fmt::format("no request can have the path {} without 'encoded_slashes: keep'", in_quotes(path.value)));
  }
  return true;
}

}  // namespace

proxy::RouteTable build_route_table(const VirtualHostConfig& host, DiagnosticSink& sink) {
  proxy::RouteTable table;
  std::unordered_map<std::string, int> lines;
  for (std::uint32_t i = 0; i < host.routes.size(); ++i) {
    const Text& path = host.routes[i].path;
    if (path.value.empty() || !check_path(host, host.routes[i], sink)) continue;
    const auto [first, is_new] = lines.emplace(path.value, path.at.line);
    if (table.add(path.value, i) && is_new) continue;
    sink.error(
        path.at, path.value,
        fmt::format("this route is never reached: line {} has the same path {}", first->second, in_quotes(path.value)));
  }
  return table;
}

}  // namespace gateway::config
