#pragma once

#include <string>
#include <string_view>

namespace gateway::config {

// `text` with control characters as \n, \t or \xNN, so that no config value can forge a line of output.
std::string escaped(std::string_view text);
// The same in single quotes, cut to a readable length.
std::string in_quotes(std::string_view text);

}  // namespace gateway::config
