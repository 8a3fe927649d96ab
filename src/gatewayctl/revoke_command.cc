#include "gatewayctl/revoke_command.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "gatewayctl/admin_answer.h"

namespace gateway::ctl {
namespace {

using nlohmann::ordered_json;

constexpr int kOk = 200;
constexpr int kNotFound = 404;
constexpr int kUnsaved = 500;
constexpr int kGatewayTimeout = 504;

std::string request_of(const RevokeArguments& arguments) {
  ordered_json request = ordered_json::object();
  if (!arguments.fingerprint.empty()) request["fingerprint"] = arguments.fingerprint;
  if (!arguments.serial.empty()) request["serial"] = arguments.serial;
  if (!arguments.issuer.empty()) request["issuer"] = arguments.issuer;
  if (!arguments.comment.empty()) request["comment"] = arguments.comment;
  return request.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string name_of(const ordered_json& entry) {
  if (entry.contains("fingerprint") && entry["fingerprint"].is_string()) return text_of(entry, "fingerprint");
  const bool any = !entry.contains("issuer") || !entry["issuer"].is_string();
  return fmt::format("serial {} of {}", text_of(entry, "serial"), any ? "any issuer" : text_of(entry, "issuer"));
}

void show(const ordered_json& body, bool removed, const Output& output) {
  for (const ordered_json& warning : member_of(body, "warnings")) {
    if (warning.is_string()) output.err << "warning: " << printable(warning.get<std::string>()) << '\n';
  }
  output.out << (removed ? "no longer revoked: " : "revoked: ") << printable(name_of(member_of(body, "entry"))) << '\n';
  if (!removed) output.out << fmt::format("  connections closed: {}\n", printable(text_of(body, "closed_connections")));
}

}  // namespace

ExitCode revoke(const AdminArguments& admin, const RevokeArguments& arguments, const Output& output) {
  if (arguments.list) return show_document(admin, output, "/revocations");
  if (arguments.fingerprint.empty() && arguments.serial.empty()) {
    return report_failure(output, ExitCode::usage, "--fingerprint, --serial or --list is required");
  }
  const auto answer =
      ask_daemon(admin, output, "POST", arguments.remove ? "/unrevoke" : "/revoke", request_of(arguments));
  if (!answer) return answer.error();
  const bool answered = answer->status == kOk || answer->status == kUnsaved || answer->status == kGatewayTimeout;
  if (!(answered || answer->status == kNotFound) || !answer->body.contains("entry")) {
    return unexpected_answer(output, *answer);
  }
  const ExitCode code = answer->status == kOk               ? ExitCode::done
                        : answer->status == kGatewayTimeout ? ExitCode::timeout
                                                            : ExitCode::refused;
  if (output.json) {
    print_json(output, answer->body);
    return code;
  }
  const std::string error = text_of(answer->body, "error");
  switch (answer->status) {
    case kOk:
      show(answer->body, arguments.remove, output);
      return code;
    case kUnsaved:
      show(answer->body, arguments.remove, output);
      return report_failure(output, code, "this is in force, but a restart loses it, as it can't be saved: " + error);
    default:
      return report_failure(output, code, error);
  }
}

}  // namespace gateway::ctl
