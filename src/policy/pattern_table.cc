#include "policy/pattern_table.h"

#include <utility>

namespace gateway::policy {

PatternId PatternTable::add(const Pattern& pattern, PatternId fresh) {
  switch (pattern.form) {
    case Form::exact:
      return exact_.emplace(pattern.text, fresh).first->second;
    case Form::label_wildcard:
      return behind_label_.emplace(pattern.text, fresh).first->second;
    case Form::any_mailbox:
      return behind_at_.emplace(pattern.text, fresh).first->second;
    case Form::prefix:
      return prefixes_.add(pattern.text, fresh);
    case Form::segment_prefix:
      return segment_prefixes_.add(pattern.text, fresh);
    case Form::network:
      return networks_.add(pattern.network, fresh);
    case Form::regex:
      return regexes_.add(pattern.text, fresh);
  }
  std::unreachable();
}

void PatternTable::find_in(const Map& map, std::string_view key, std::pmr::vector<PatternId>& found) {
  if (map.empty()) return;
  const auto match = map.find(key);
  if (match != map.end()) found.push_back(match->second);
}

void PatternTable::find(std::string_view value, std::pmr::vector<PatternId>& found) const {
  find_in(exact_, value, found);
  const auto dot = value.find('.');
  if (dot != std::string_view::npos && dot > 0) find_in(behind_label_, value.substr(dot + 1), found);
  const auto at = value.rfind('@');
  if (at != std::string_view::npos && at > 0) find_in(behind_at_, value.substr(at + 1), found);
  prefixes_.find(value, [&](std::size_t length, PatternId id) {
    if (value.size() > length) found.push_back(id);
  });
  segment_prefixes_.find(value, [&](std::size_t length, PatternId id) {
    if (value.size() == length || value[length] == '/') found.push_back(id);
  });
}

void PatternTable::find(const core::IpAddress& address, std::pmr::vector<PatternId>& found) const {
  networks_.find(address, found);
}

}  // namespace gateway::policy
