#pragma once

#include <string>
#include <string_view>

#include "config/diagnostic.h"

namespace gateway::config {

struct SyntaxFault {
  Position at;
  std::string value;
  std::string message;
};

// What yaml-cpp's error `message` at `at` means for a person, and what to do: from the line that it names.
SyntaxFault explain_syntax_error(std::string_view text, Position at, std::string_view message);

}  // namespace gateway::config
