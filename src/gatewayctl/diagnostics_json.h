#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <vector>

#include "config/diagnostic.h"

namespace gateway::ctl {

// The form that a finding on a config has in `gatewayctl check --json` and in the admin API.
nlohmann::ordered_json to_json(const std::vector<config::Diagnostic>& diagnostics);

// What can't be understood is left out, member by member: a reason shown in part is better than none.
std::vector<config::Diagnostic> diagnostics_from_json(const nlohmann::ordered_json& document);

// A line each, as compilers write them: FILE:LINE:COLUMN: error: MESSAGE, in which the message quotes the value.
void print_diagnostics(std::ostream& out, const std::vector<config::Diagnostic>& diagnostics);

}  // namespace gateway::ctl
