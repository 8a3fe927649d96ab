#include "proxy/router.h"

#include <algorithm>

namespace gateway::proxy {

bool RouteTable::add(std::string_view pattern, std::uint32_t route) {
  if (!pattern.ends_with("/*")) return exact_.try_emplace(std::string(pattern), route).second;
  pattern.remove_suffix(2);
  longest_prefix_bytes_ = std::max(longest_prefix_bytes_, pattern.size());
  return prefix_.try_emplace(std::string(pattern), route).second;
}

std::optional<std::uint32_t> RouteTable::find(std::string_view path) const {
  if (const auto match = exact_.find(path); match != exact_.end()) return match->second;
  if (!path.starts_with('/')) return std::nullopt;
  std::string_view prefix = path;
  while (true) {
    if (prefix.size() <= longest_prefix_bytes_) {
      if (const auto match = prefix_.find(prefix); match != prefix_.end()) return match->second;
      if (prefix.empty()) return std::nullopt;
    }
    // A prefix longer than every pattern can't match: a path of thousands of segments costs no more than the patterns'
    // depth.
    prefix = prefix.substr(0, prefix.rfind('/', longest_prefix_bytes_));
  }
}

std::optional<std::uint32_t> RouteTable::root() const {
  const auto match = prefix_.find(std::string_view());
  return match == prefix_.end() ? std::nullopt : std::optional(match->second);
}

}  // namespace gateway::proxy
