#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gateway::ctl {

// A JSON document for people: members as "name  value", arrays of objects as tables with what is nested indented below
// their row. It knows no member by name, so that a newer daemon's answer is shown in full.
std::string render_status(const nlohmann::ordered_json& document);

}  // namespace gateway::ctl
