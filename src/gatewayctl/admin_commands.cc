#include "gatewayctl/admin_commands.h"

#include <fmt/core.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>

#include "gatewayctl/admin_client.h"
#include "gatewayctl/diagnostics_json.h"
#include "gatewayctl/status_text.h"

namespace gateway::ctl {
namespace {

using nlohmann::ordered_json;

constexpr int kOk = 200;
constexpr int kUnprocessable = 422;
constexpr int kUnavailable = 503;
constexpr int kGatewayTimeout = 504;

struct Document {
  int status = 0;
  ordered_json body;
};

// The daemon's answer as a JSON object; anything else was reported already, with the exit code in the error.
std::expected<Document, ExitCode> ask(const AdminArguments& arguments, const Output& output, std::string_view method,
                                      std::string_view target) {
  const auto response =
      call_admin(arguments.socket, method, target, std::chrono::steady_clock::now() + arguments.timeout);
  if (!response) {
    const bool timeout = response.error().kind == AdminFailure::Kind::timeout;
    return std::unexpected(report_failure(output, timeout ? ExitCode::timeout : ExitCode::unreachable,
                                          response.error().message, arguments.socket.string()));
  }
  ordered_json body = ordered_json::parse(response->body, nullptr, false);
  if (!body.is_object()) {
    return std::unexpected(
        report_failure(output, ExitCode::unreachable,
                       fmt::format("answered {} with something else than a JSON object", response->status),
                       arguments.socket.string()));
  }
  return Document{.status = response->status, .body = std::move(body)};
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

// An answer that the command has no words of its own for.
ExitCode unexpected_answer(const Output& output, const Document& answer) {
  const std::string reason = answer.body.contains("error")    ? text_of(answer.body, "error")
                             : answer.body.contains("detail") ? text_of(answer.body, "detail")
                                                              : answer.body.dump(-1, ' ', true);
  return report_failure(output, ExitCode::refused, fmt::format("gatewayd answered {}: {}", answer.status, reason));
}

ExitCode show_reloaded(const ordered_json& body, const Output& output) {
  print_diagnostics(output.err, diagnostics_from_json(member_of(body, "warnings")));
  output.out << fmt::format("reloaded: generation {}\n", printable(text_of(body, "generation")));
  const ordered_json changes = member_of(body, "changes");
  if (!changes.is_array() || changes.empty()) {
    output.out << "  nothing changed\n";
    return ExitCode::done;
  }
  for (const ordered_json& change : changes) {
    output.out << "  " << printable(change.is_string() ? change.get<std::string>() : change.dump()) << '\n';
  }
  return ExitCode::done;
}

ExitCode show_refused(const ordered_json& body, const Output& output) {
  for (const char* list : {"errors", "warnings"}) {
    print_diagnostics(output.err, diagnostics_from_json(member_of(body, list)));
  }
  output.err << fmt::format("refused: generation {} goes on serving\n", printable(text_of(body, "generation")));
  return ExitCode::refused;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_timeout(std::string_view text) {
  long long factor = 1000;
  if (text.ends_with("ms")) {
    factor = 1;
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    text.remove_suffix(1);
  } else if (text.ends_with('m')) {
    factor = 60'000;
    text.remove_suffix(1);
  }
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number <= 0 || number > kMaxTimeout.count() / factor) return std::nullopt;
  return std::chrono::milliseconds(number * factor);
}

ExitCode reload(const AdminArguments& arguments, const Output& output) {
  const auto answer = ask(arguments, output, "POST", "/reload");
  if (!answer) return answer.error();
  ExitCode code = ExitCode::done;
  switch (answer->status) {
    case kOk:
      if (!output.json) return show_reloaded(answer->body, output);
      break;
    case kUnprocessable:
      if (!output.json) return show_refused(answer->body, output);
      code = ExitCode::refused;
      break;
    case kGatewayTimeout:
      if (!output.json) {
        return report_failure(output, ExitCode::timeout, "not every worker has taken the new generation yet");
      }
      code = ExitCode::timeout;
      break;
    default:
      return unexpected_answer(output, *answer);
  }
  print_json(output, answer->body);
  return code;
}

ExitCode status(const AdminArguments& arguments, const Output& output) {
  const auto answer = ask(arguments, output, "GET", "/status");
  if (!answer) return answer.error();
  if (answer->status != kOk) return unexpected_answer(output, *answer);
  if (output.json) {
    print_json(output, answer->body);
  } else {
    output.out << render_status(answer->body);
  }
  return ExitCode::done;
}

ExitCode drain(const AdminArguments& arguments, const Output& output) {
  const auto answer = ask(arguments, output, "POST", "/drain");
  if (!answer) return answer.error();
  if (answer->status != kOk) return unexpected_answer(output, *answer);
  if (output.json) {
    print_json(output, answer->body);
  } else {
    output.out << "draining: not ready any more; clients are served until SIGTERM\n";
  }
  output.out.flush();
  std::this_thread::sleep_for(arguments.wait);
  return ExitCode::done;
}

ExitCode health(const AdminArguments& arguments, const Output& output) {
  const auto answer = ask(arguments, output, "GET", "/health");
  if (!answer) return answer.error();
  if (answer->status != kOk && answer->status != kUnavailable) return unexpected_answer(output, *answer);
  const bool ready = answer->status == kOk;
  if (output.json) {
    print_json(output, answer->body);
  } else {
    output.out << (ready ? "ready\n" : "not ready\n");
  }
  return ready ? ExitCode::done : ExitCode::refused;
}

}  // namespace gateway::ctl
