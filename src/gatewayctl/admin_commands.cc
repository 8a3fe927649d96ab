#include "gatewayctl/admin_commands.h"

#include <fmt/core.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>

#include "gatewayctl/admin_answer.h"
#include "gatewayctl/diagnostics_json.h"

namespace gateway::ctl {
namespace {

using nlohmann::ordered_json;

constexpr int kOk = 200;
constexpr int kUnprocessable = 422;
constexpr int kUnavailable = 503;
constexpr int kGatewayTimeout = 504;

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
  const auto answer = ask_daemon(arguments, output, "POST", "/reload");
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
  return show_document(arguments, output, "/status");
}

ExitCode drain(const AdminArguments& arguments, const Output& output) {
  const auto answer = ask_daemon(arguments, output, "POST", "/drain");
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
  const auto answer = ask_daemon(arguments, output, "GET", "/health");
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
