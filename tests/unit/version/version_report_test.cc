#include "version/version_report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "version/build_info.h"

using gateway::version::Component;
using gateway::version::to_json;
using gateway::version::to_text;

namespace {
const std::vector<Component> kSome{{.name = "Shared", .built = "1.0", .running = "1.1", .note = {}},
                                   {.name = "Inside", .built = "2.0", .running = {}, .note = "strict mode"}};
}

TEST_CASE("the text has a line for the program and one for each library, running and built") {
  const std::string text = to_text("gatewayd", kSome);
  CHECK(text.starts_with("gatewayd " + std::string(gateway::version::own_version()) + " (commit "));
  CHECK(text.ends_with("\nShared 1.1 (built with 1.0)\nInside 2.0 (compiled in, strict mode)\n"));
}

TEST_CASE("the JSON says the same, with null for what is inside the program") {
  const auto json = nlohmann::json::parse(to_json("gatewayd", kSome));
  CHECK(json["program"] == "gatewayd");
  CHECK(json["commit"] == std::string(gateway::version::commit()));
  CHECK(json["libraries"]["Shared"] == nlohmann::json{{"built", "1.0"}, {"running", "1.1"}});
  CHECK(json["libraries"]["Inside"]["running"].is_null());
  CHECK(json["libraries"]["Inside"]["note"] == "strict mode");
}

TEST_CASE("no component of the daemon lacks the version that it was built with") {
  const auto all = gateway::version::daemon_components();
  CHECK(all.size() == 9);
  for (const auto& component : all) {
    CAPTURE(component.name);
    CHECK_FALSE(component.built.empty());
    CHECK(component.running.value_or("1").find_first_of("0123456789") == 0);
  }
  const auto llhttp = std::ranges::find(all, "llhttp", &Component::name);
  CHECK(llhttp->note.contains("strict"));
  CHECK_FALSE(llhttp->note.contains("NOT"));
}
