#include "gatewayctl/admin_answer.h"

#include <fmt/core.h>

#include <chrono>

#include "gatewayctl/admin_client.h"
#include "gatewayctl/status_text.h"

namespace gateway::ctl {

using nlohmann::ordered_json;

std::expected<AdminAnswer, ExitCode> ask_daemon(const AdminArguments& arguments, const Output& output,
                                                std::string_view method, std::string_view target,
                                                std::string_view body) {
  const auto response =
      call_admin(arguments.socket, method, target, std::chrono::steady_clock::now() + arguments.timeout, body);
  if (!response) {
    const bool timeout = response.error().kind == AdminFailure::Kind::timeout;
    return std::unexpected(report_failure(output, timeout ? ExitCode::timeout : ExitCode::unreachable,
                                          response.error().message, arguments.socket.string()));
  }
  ordered_json document = ordered_json::parse(response->body, nullptr, false);
  if (!document.is_object()) {
    return std::unexpected(
        report_failure(output, ExitCode::unreachable,
                       fmt::format("answered {} with something else than a JSON object", response->status),
                       arguments.socket.string()));
  }
  return AdminAnswer{.status = response->status, .body = std::move(document)};
}

std::string text_of(const ordered_json& body, const char* name) {
  const auto member = body.find(name);
  if (member == body.end()) return "?";
  return member->is_string() ? member->get<std::string>() : member->dump();
}

ordered_json member_of(const ordered_json& body, const char* name) {
  const auto member = body.find(name);
  return member == body.end() ? ordered_json() : *member;
}

ExitCode unexpected_answer(const Output& output, const AdminAnswer& answer) {
  const std::string reason = answer.body.contains("error")    ? text_of(answer.body, "error")
                             : answer.body.contains("detail") ? text_of(answer.body, "detail")
                                                              : answer.body.dump(-1, ' ', true);
  return report_failure(output, ExitCode::refused, fmt::format("gatewayd answered {}: {}", answer.status, reason));
}

ExitCode show_document(const AdminArguments& arguments, const Output& output, std::string_view target) {
  constexpr int kOk = 200;
  const auto answer = ask_daemon(arguments, output, "GET", target);
  if (!answer) return answer.error();
  if (answer->status != kOk) return unexpected_answer(output, *answer);
  if (output.json) {
    print_json(output, answer->body);
  } else {
    output.out << render_status(answer->body);
  }
  return ExitCode::done;
}

}  // namespace gateway::ctl
