#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gatewayctl/admin_commands.h"
#include "gatewayctl/output.h"

namespace gateway::ctl {

struct AdminAnswer {
  int status = 0;
  nlohmann::ordered_json body;  // an object
};

// The daemon's answer; anything else than a JSON object was reported already, with the exit code in the error.
std::expected<AdminAnswer, ExitCode> ask_daemon(const AdminArguments& arguments, const Output& output,
                                                std::string_view method, std::string_view target,
                                                std::string_view body = {});

// A member as text; "?" if it is missing.
std::string text_of(const nlohmann::ordered_json& body, const char* name);
// null if it is missing.
nlohmann::ordered_json member_of(const nlohmann::ordered_json& body, const char* name);

// Asks for what the daemon tells without being changed, and prints it: as JSON, or for a person to read.
ExitCode show_document(const AdminArguments& arguments, const Output& output, std::string_view target);

// Reports an answer that the command has no words of its own for.
ExitCode unexpected_answer(const Output& output, const AdminAnswer& answer);

}  // namespace gateway::ctl
