#include "gatewayctl/status_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "gatewayctl/output.h"

namespace gateway::ctl {
namespace {

using nlohmann::ordered_json;

// Deeper than any answer; from here on JSON is printed as it is.
constexpr std::size_t kMaxDepth = 6;
constexpr std::size_t kIndent = 2;

bool is_simple(const ordered_json& value) {
  if (!value.is_structured()) return true;
  return value.is_array() && std::ranges::none_of(value, [](const ordered_json& one) { return one.is_structured(); });
}

std::string to_text(const ordered_json& value) {
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  if (!value.is_array()) return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  std::string joined;
  for (const ordered_json& one : value) joined += (joined.empty() ? "" : ", ") + to_text(one);
  return joined.empty() ? "-" : joined;
}

std::string shout(std::string_view name) {
  std::string heading = printable(name);
  std::ranges::transform(heading, heading.begin(), [](char c) {
    return c == '_' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return heading;
}

void render(std::string& text, const ordered_json& value, std::size_t depth);

void render_member(std::string& text, std::string_view name, const ordered_json& value, std::size_t depth) {
  text += fmt::format("{:{}}{}\n", "", depth * kIndent, printable(name));
  render(text, value, depth + 1);
}

void render_object(std::string& text, const ordered_json& object, std::size_t depth) {
  std::size_t width = 0;
  for (const auto& [name, value] : object.items()) {
    if (is_simple(value)) width = std::max(width, printable(name).size());
  }
  for (const auto& [name, value] : object.items()) {
    if (!is_simple(value)) continue;
    text += fmt::format("{:{}}{:<{}}  {}\n", "", depth * kIndent, printable(name), width, to_text(value));
  }
  for (const auto& [name, value] : object.items()) {
    if (!is_simple(value)) render_member(text, name, value, depth);
  }
}

struct Column {
  std::string name;
  std::size_t width;
};

// The simple members of all rows, in the order of their first appearance.
std::vector<Column> columns_of(const ordered_json& rows) {
  std::vector<Column> columns;
  for (const ordered_json& row : rows) {
    if (!row.is_object()) continue;
    for (const auto& [name, value] : row.items()) {
      if (!is_simple(value)) continue;
      auto column = std::ranges::find(columns, name, &Column::name);
      if (column == columns.end()) column = columns.insert(columns.end(), {.name = name, .width = shout(name).size()});
      column->width = std::max(column->width, to_text(value).size());
    }
  }
  return columns;
}

void append_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

void render_table(std::string& text, const ordered_json& rows, std::size_t depth) {
  const std::vector<Column> columns = columns_of(rows);
  std::string heading(depth * kIndent, ' ');
  for (const Column& column : columns) heading += fmt::format("{:<{}}  ", shout(column.name), column.width);
  append_line(text, std::move(heading));
  for (const ordered_json& row : rows) {
    if (!row.is_object()) {
      append_line(text, std::string(depth * kIndent, ' ') + to_text(row));
      continue;
    }
    std::string line(depth * kIndent, ' ');
    for (const Column& column : columns) {
      const auto member = row.find(column.name);
      const bool shown = member != row.end() && is_simple(*member);
      line += fmt::format("{:<{}}  ", shown ? to_text(*member) : "-", column.width);
    }
    append_line(text, std::move(line));
    for (const auto& [name, value] : row.items()) {
      if (!is_simple(value)) render_member(text, name, value, depth + 1);
    }
  }
}

void render(std::string& text, const ordered_json& value, std::size_t depth) {
  const bool table = value.is_array() && !is_simple(value);
  if (depth > kMaxDepth || (!value.is_object() && !table)) {
    text += fmt::format(
        "{:{}}{}\n", "", depth * kIndent,
        is_simple(value) ? to_text(value) : value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  } else if (table) {
    render_table(text, value, depth);
  } else {
    render_object(text, value, depth);
  }
}

}  // namespace

std::string render_status(const ordered_json& document) {
  std::string text;
  render(text, document, 0);
  return text;
}

}  // namespace gateway::ctl
