#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gateway::config {

// nullopt: the variable is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

enum class Variables : std::uint8_t {
  environment_only,  // the result is the final text
  for_header_value,  // ${client.verify} and the like stay, for proxy::HeaderTemplate
};

// Replaces ${NAME} and ${NAME:-default} in `text` by environment variables; NAME has capitals, digits and '_'. "$${"
// stands for a literal "${" (but in a header value, which can't hold one). What a variable holds is taken as it is: it
// is neither parsed as YAML nor searched for further variables. Error: what is wrong.
std::expected<std::string, std::string> replace_variables(std::string_view text, Variables variables,
                                                          const Environment& environment);

}  // namespace gateway::config
