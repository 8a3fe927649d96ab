#include "gatewayctl/version_command.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "gatewayctl/admin_client.h"
#include "version/version_report.h"

namespace gateway::ctl {
namespace {

using nlohmann::ordered_json;

// Null if no daemon can be reached, or it answers something else.
ordered_json version_of_daemon(const AdminArguments& arguments) {
  const auto answer =
      call_admin(arguments.socket, "GET", "/version", std::chrono::steady_clock::now() + arguments.timeout);
  if (!answer || answer->status != 200) return {};
  ordered_json document = ordered_json::parse(answer->body, nullptr, false);
  return document.is_object() ? document : ordered_json();
}

std::string word_of(const ordered_json& document, const char* name) {
  const auto member = document.find(name);
  return member != document.end() && member->is_string() ? printable(member->get<std::string>()) : "?";
}

}  // namespace

ExitCode print_version(const AdminArguments& arguments, const Output& output) {
  const auto components = version::components();
  const ordered_json daemon = version_of_daemon(arguments);
  if (output.json) {
    ordered_json document = ordered_json::parse(version::to_json("gatewayctl", components));
    document["daemon"] = daemon;
    print_json(output, document);
    return ExitCode::done;
  }
  output.out << version::to_text("gatewayctl", components);
  if (daemon.is_null()) {
    output.out << fmt::format("gatewayd not reached at {}\n", printable(arguments.socket.string()));
  } else {
    output.out << fmt::format("gatewayd {} (commit {}) runs\n", word_of(daemon, "version"), word_of(daemon, "commit"));
  }
  return ExitCode::done;
}

}  // namespace gateway::ctl
