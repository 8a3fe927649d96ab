#include "gatewayctl/output.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace gateway::ctl {
namespace {

std::string_view word_of(ExitCode code) {
  switch (code) {
    case ExitCode::done:
      return "done";
    case ExitCode::refused:
      return "refused";
    case ExitCode::usage:
      return "usage";
    case ExitCode::unreachable:
      return "unreachable";
    case ExitCode::timeout:
      return "timeout";
  }
  return "refused";
}

}  // namespace

void print_json(const Output& output, const nlohmann::ordered_json& document) {
  output.out << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

ExitCode report_failure(const Output& output, ExitCode code, std::string_view message, std::string_view file) {
  if (output.json) {
    nlohmann::ordered_json document{{"result", word_of(code)}, {"error", message}};
    if (!file.empty()) document["file"] = file;
    print_json(output, document);
  } else if (file.empty()) {
    output.err << "gatewayctl: " << printable(message) << '\n';
  } else {
    output.err << "gatewayctl: " << printable(file) << ": " << printable(message) << '\n';
  }
  return code;
}

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02X}", byte);
    } else {
      shown.push_back(c);
    }
  }
  return shown;
}

}  // namespace gateway::ctl
