#include "gatewayctl/diagnostics_json.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gatewayctl/output.h"

namespace gateway::ctl {
namespace {

using nlohmann::ordered_json;

std::string text_member(const ordered_json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

int number_member(const ordered_json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_number_integer() ? member->get<int>() : 0;
}

}  // namespace

ordered_json to_json(const std::vector<config::Diagnostic>& diagnostics) {
  ordered_json list = ordered_json::array();
  for (const config::Diagnostic& diagnostic : diagnostics) {
    list.push_back({{"severity", diagnostic.severity == config::Severity::error ? "error" : "warning"},
                    {"file", diagnostic.file},
                    {"line", diagnostic.line},
                    {"column", diagnostic.column},
                    {"value", diagnostic.value},
                    {"message", diagnostic.message}});
  }
  return list;
}

std::vector<config::Diagnostic> diagnostics_from_json(const ordered_json& document) {
  std::vector<config::Diagnostic> diagnostics;
  if (!document.is_array()) return diagnostics;
  for (const ordered_json& one : document) {
    if (!one.is_object()) continue;
    const bool warning = text_member(one, "severity") == "warning";
    diagnostics.push_back({.severity = warning ? config::Severity::warning : config::Severity::error,
                           .file = text_member(one, "file"),
                           .line = number_member(one, "line"),
                           .column = number_member(one, "column"),
                           .value = text_member(one, "value"),
                           .message = text_member(one, "message")});
  }
  return diagnostics;
}

void print_diagnostics(std::ostream& out, const std::vector<config::Diagnostic>& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics) {
    out << printable(config::to_string(diagnostic)) << '\n';
  }
}

}  // namespace gateway::ctl
