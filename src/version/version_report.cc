#include "version/version_report.h"

#include <nlohmann/json.hpp>

#include "version/build_info.h"

namespace gateway::version {

std::string to_text(std::string_view program, const std::vector<Component>& components) {
  std::string text = std::string(program) + ' ' + std::string(own_version()) + " (commit " + std::string(commit()) +
                     ", " + std::string(compiler()) + ", " + std::string(build_type()) + ")\n";
  for (const auto& [name, built, running, note] : components) {
    text += name + ' ' + running.value_or(built);
    text += running ? " (built with " + built : " (compiled in";
    text += note.empty() ? ")\n" : ", " + note + ")\n";
  }
  return text;
}

std::string to_json(std::string_view program, const std::vector<Component>& components) {
  using Json = nlohmann::ordered_json;
  Json libraries = Json::object();
  for (const auto& [name, built, running, note] : components) {
    Json library = {{"built", built}, {"running", running ? Json(*running) : Json()}};
    if (!note.empty()) library["note"] = note;
    libraries[name] = std::move(library);
  }
  const Json document = {{"program", program},     {"version", own_version()},   {"commit", commit()},
                         {"compiler", compiler()}, {"build_type", build_type()}, {"libraries", std::move(libraries)}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace gateway::version
