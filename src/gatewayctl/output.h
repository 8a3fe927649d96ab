#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>

namespace gateway::ctl {

// What scripts rely on.
enum class ExitCode : int { done = 0, refused = 1, usage = 2, unreachable = 3, timeout = 4 };

// Where a command writes. With `json` every command puts exactly one JSON document on `out`, whatever happens.
struct Output {
  std::ostream& out;
  std::ostream& err;
  bool json = false;
};

// Indented, with a newline; bytes that aren't UTF-8 become U+FFFD.
void print_json(const Output& output, const nlohmann::ordered_json& document);

// "gatewayctl: FILE: message" or {"result": WORD, "error": message, "file": FILE}; `file` may be empty.
ExitCode report_failure(const Output& output, ExitCode code, std::string_view message, std::string_view file = {});

// Control bytes as \xNN: names that come from a config or a certificate can't write escape sequences to a terminal.
std::string printable(std::string_view text);

}  // namespace gateway::ctl
