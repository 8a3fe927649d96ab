#include "config/yaml_syntax_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/quote.h"
#include "config/source_text.h"

namespace gateway::config {
namespace {

std::string_view word_at(std::string_view line, int column) {
  const auto begin = static_cast<std::size_t>(std::max(column - 1, 0));
  if (begin >= line.size()) return {};
  const std::string_view rest = line.substr(begin);
  return rest.substr(0, rest.find_first_of(" \t,]}#"));
}

// Where a tab stands in the indentation of `line`; npos if nowhere.
std::size_t indenting_tab(std::string_view line) {
  const std::size_t content = line.find_first_not_of(" \t");
  return line.substr(0, content).find('\t');
}

// An unquoted "[::]:8443" or "[::1]:80", which YAML takes for a list.
std::string_view bare_ipv6(std::string_view line) {
  const std::size_t end = line.find("]:");
  if (end == std::string_view::npos) return {};
  const std::size_t begin = line.rfind('[', end);
  if (begin == std::string_view::npos || line.substr(begin, end - begin).find(':') == std::string_view::npos) return {};
  if (begin > 0 && (line[begin - 1] == '"' || line[begin - 1] == '\'')) return {};
  return line.substr(begin, line.find_first_of(" \t,}", end) - begin);
}

// What is not closed is missed behind the last line; point to the end of that.
Position inside(std::string_view text, Position at) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto lines = static_cast<int>(std::ranges::count(text, '\n')) + 1;
  return at.line <= lines ? at : Position{lines, static_cast<int>(line_of(text, lines).size()) + 1};
}

bool has(std::string_view message, std::string_view part) {
  return message.find(part) != std::string_view::npos;
}

}  // namespace

SyntaxFault explain_syntax_error(std::string_view text, Position at, std::string_view message) {
  at = inside(text, at);
  const std::string_view line = line_of(text, at.line);
  if (const std::size_t tab = indenting_tab(line); tab != std::string_view::npos) {
    return {{at.line, static_cast<int>(tab) + 1}, "\t", "a tab indents this line; YAML wants spaces"};
  }
  const std::string_view word = word_at(line, at.column);
  if (word.starts_with('*')) {
    return {at, std::string(word),
            fmt::format(
                "put quotes around it: \"{}\"; a bare * begins a YAML alias, and no anchor of that name stands before",
                escaped(word))};
  }
  if (const std::string_view address = bare_ipv6(line); !address.empty()) {
    const auto column = static_cast<int>(line.find(address)) + 1;
    return {{at.line, column},
            std::string(address),
            fmt::format("put quotes around it: \"{}\"; a bare [ begins a YAML list", escaped(address))};
  }
  if (has(message, "illegal map value")) {
    const std::string_view before = line.substr(0, static_cast<std::size_t>(std::max(at.column - 1, 0)));
    if (before.find(": ") != std::string_view::npos) {
      return {at, "", "a second ':' stands on this line; put quotes around a value that holds ': '"};
    }
    return {at, "", "this key does not fit the line before; check the indentation and the quotes"};
  }
  if (has(message, "end of map not found")) {
    return {at, "", "this line does not fit the ones before; check its indentation"};
  }
  if (has(message, "sequence flow")) return {at, "", "a list that begins with '[' is not closed by ']'"};
  if (has(message, "map flow")) return {at, "", "a mapping that begins with '{' is not closed by '}'"};
  if (has(message, "unknown token") && !word.empty()) {
    return {at, std::string(word),
            fmt::format("{} can't stand here without quotes; put them around the whole value",
                        in_quotes(word.substr(0, 1)))};
  }
  if (has(message, "deep")) return {at, "", "values are nested too deep"};
  return {at, "", fmt::format("YAML syntax: {}", message)};
}

}  // namespace gateway::config
