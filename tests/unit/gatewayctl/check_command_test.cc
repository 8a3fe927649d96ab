#include "gatewayctl/check_command.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "gatewayctl/diagnostics_json.h"

using namespace gateway;
using namespace gateway::ctl;

TEST_CASE("a config that is not there is refused, and the file named") {
  for (const bool json : {false, true}) {
    std::ostringstream out;
    std::ostringstream err;
    CHECK(check("/nonexistent/gateway.yaml", {.out = out, .err = err, .json = json}) == ExitCode::refused);
    CHECK((json ? out : err).str().find("/nonexistent/gateway.yaml") != std::string::npos);
    if (json) CHECK(nlohmann::ordered_json::parse(out.str())["result"] == "refused");
  }
}

TEST_CASE("findings come back from JSON as they were") {
  const std::vector<config::Diagnostic> findings = {
      {.severity = config::Severity::error, .file = "a.yaml", .line = 3, .column = 7, .value = "x", .message = "'x'"},
      {.severity = config::Severity::warning, .file = "a.yaml", .value = "", .message = "old"}};
  CHECK(diagnostics_from_json(to_json(findings)) == findings);
}
