#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "policy/rule_set.h"
#include "proxy/snapshot.h"

namespace gateway::config {

// What was loaded, in lines for a person: listeners, virtual hosts, trust sets (given as lines), policies and how they
// were compiled, upstreams.
std::vector<std::string> summarise(const proxy::Snapshot& snapshot, std::span<const std::string> trust_lines,
                                   std::span<const std::shared_ptr<const policy::RuleSet>> policies);

}  // namespace gateway::config
