#include "core/host_table.h"

namespace gateway::core {

bool HostTable::add(std::string_view pattern, Index host) {
  if (pattern.starts_with("*.")) return wildcard_.emplace(pattern.substr(2), host).second;
  return exact_.emplace(pattern, host).second;
}

std::optional<HostTable::Index> HostTable::find(std::string_view name) const {
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  if (const auto found = wildcard_.find(name.substr(dot + 1)); found != wildcard_.end()) return found->second;
  return std::nullopt;
}

}  // namespace gateway::core
