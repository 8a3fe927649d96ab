#include "config/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "config/quote.h"

namespace gateway::config {
namespace {

bool is_name(std::string_view text) {
  const auto is_upper = [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_part = [&](char c) { return is_upper(c) || (c >= '0' && c <= '9'); };
  return !text.empty() && is_upper(text.front()) && std::ranges::all_of(text, is_part);
}

bool is_request_variable(std::string_view text) {
  const auto is_part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' && std::ranges::all_of(text, is_part);
}

constexpr std::string_view kNoLiteral = "a header value can't hold a literal \"${\"";

class Replacer {
 public:
  Replacer(Variables variables, const Environment& environment) : variables_(variables), environment_(environment) {}

  // `inner`: what stands between "${" and "}".
  std::expected<std::string, std::string> value_of(std::string_view inner) const {
    const std::size_t colon = inner.find(":-");
    const std::string_view name = inner.substr(0, colon);
    if (!is_name(name)) return request_variable(inner);
    std::optional<std::string> value = environment_(std::string(name));
    // As in a shell, ':-' stands in for an empty variable, too.
    if (colon != std::string_view::npos && (!value || value->empty())) value = std::string(inner.substr(colon + 2));
    if (!value) {
      return std::unexpected(
          fmt::format("environment variable {} is not set; set it or write ${{{}:-default}}", name, name));
    }
    // A header value is parsed once more, for request variables: the environment must not bring in any.
    if (variables_ == Variables::for_header_value && value->find("${") != std::string::npos) {
      return std::unexpected(fmt::format("{} (in environment variable {})", kNoLiteral, name));
    }
    return std::move(*value);
  }

 private:
  std::expected<std::string, std::string> request_variable(std::string_view inner) const {
    if (!is_request_variable(inner)) {
      return std::unexpected(
          fmt::format("{} is no variable: ${{NAME}} in capitals is one of the environment, \"$${{\" a literal \"${{\"",
                      in_quotes(fmt::format("${{{}}}", inner))));
    }
    if (variables_ == Variables::environment_only) {
      return std::unexpected(
          fmt::format("${{{}}} is a variable of the request, which only values in 'headers: set:' can have; "
                      "environment variables are "
                      "written in capitals",
                      inner));
    }
    return fmt::format("${{{}}}", inner);
  }

  Variables variables_;
  const Environment& environment_;
};

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::expected<std::string, std::string> replace_variables(std::string_view text, Variables variables,
                                                          const Environment& environment) {
  const Replacer replacer(variables, environment);
  std::string out;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("$${")) {
      if (variables == Variables::for_header_value) return std::unexpected(std::string(kNoLiteral));
      out += "${";
      i += 3;
    } else if (rest.starts_with("${")) {
      const std::size_t end = rest.find('}');
      if (end == std::string_view::npos) return std::unexpected("a '}' is missing behind '${'");
      auto value = replacer.value_of(rest.substr(2, end - 2));
      if (!value) return value;
      out += *value;
      i += end + 1;
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace gateway::config
