#include "gatewayctl/check_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/load.h"
#include "gatewayctl/diagnostics_json.h"

namespace gateway::ctl {

ExitCode check(const std::string& file, const Output& output) {
  const config::LoadResult result = config::load(file, 1);
  const ExitCode code = result.config ? ExitCode::done : ExitCode::refused;
  const auto errors = std::ranges::count(result.diagnostics, config::Severity::error, &config::Diagnostic::severity);
  const auto warnings = std::ssize(result.diagnostics) - errors;
  if (output.json) {
    nlohmann::ordered_json document{
        {"result", result.config ? "ok" : "refused"}, {"file", file}, {"diagnostics", to_json(result.diagnostics)}};
    if (result.config) document["summary"] = result.config->summary;
    print_json(output, document);
    return code;
  }
  print_diagnostics(output.err, result.diagnostics);
  if (!result.config) {
    output.err << fmt::format("{}: {} error{}, {} warning{}\n", printable(file), errors, errors == 1 ? "" : "s",
                              warnings, warnings == 1 ? "" : "s");
    return code;
  }
  output.out << fmt::format("{}: ok, {} warning{}\n", printable(file), warnings, warnings == 1 ? "" : "s");
  for (const std::string& line : result.config->summary) output.out << "  " << printable(line) << '\n';
  return code;
}

}  // namespace gateway::ctl
