#include "config/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "config/quote.h"
#include "config/scalar.h"
#include "config/suggestion.h"

namespace gateway::config {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr core::Milliseconds kLongestDuration = std::chrono::hours(24 * 30);

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return in_quotes(node.text);
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::mapping:
      return "a mapping";
  }
  return {};
}

bool is_name(std::string_view text) {
  const auto is_printable = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; };
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::ranges::all_of(text, [&](char c) { return c == ' ' || is_printable(c); }) && is_printable(text.front()) &&
         is_printable(text.back());
}

}  // namespace

void Decoder::reject(const Node& node, std::string_view expected) {
  sink_.error(node.at, node.text, fmt::format("expected {}, found {}", expected, describe(node)));
}

void Decoder::reject(const Text& text, std::string_view expected) {
  sink_.error(text.at, text.value, fmt::format("expected {}, found {}", expected, in_quotes(text.value)));
}

std::optional<Text> Decoder::text(const Node& node, std::string_view expected, Variables variables) {
  if (!node.is(Node::Kind::scalar)) {
    reject(node, expected);
    return std::nullopt;
  }
  auto replaced = replace_variables(node.text, variables, environment_);
  if (!replaced) {
    sink_.error(node.at, node.text, replaced.error());
    return std::nullopt;
  }
  return Text{std::move(*replaced), node.at};
}

std::optional<Text> Decoder::word(const Node& node, std::string_view expected) {
  std::optional<Text> found = text(node, expected);
  if (!found || !found->value.empty()) return found;
  reject(*found, expected);
  return std::nullopt;
}

std::vector<Text> Decoder::words(const Node& node, std::string_view expected) {
  std::vector<Text> found;
  if (node.is(Node::Kind::sequence)) {
    for (const Node& item : node.items) {
      if (auto one = word(item, expected)) found.push_back(std::move(*one));
    }
  } else if (node.is(Node::Kind::scalar)) {
    if (auto one = word(node, expected)) found.push_back(std::move(*one));
  } else {
    reject(node, fmt::format("{} or a list of such", expected));
  }
  return found;
}

std::optional<Text> Decoder::name(const Node& node, std::string_view what) {
  const std::string expected = fmt::format("{} of at most {} printable characters", what, kMaxNameBytes);
  std::optional<Text> found = text(node, expected);
  if (!found || is_name(found->value)) return found;
  reject(*found, expected);
  return std::nullopt;
}

std::optional<Text> Decoder::key_as_name(const NodeEntry& entry, std::string_view what) {
  Text found{entry.key, entry.key_at};
  if (is_name(entry.key)) return found;
  reject(found, fmt::format("{} of at most {} printable characters", what, kMaxNameBytes));
  return std::nullopt;
}

std::optional<bool> Decoder::boolean(const Node& node) {
  constexpr std::string_view kExpected = "true or false";
  const std::optional<Text> found = text(node, kExpected);
  if (!found) return std::nullopt;
  const std::optional<bool> value = parse_boolean(found->value);
  if (!value) reject(*found, kExpected);
  return value;
}

std::optional<std::uint64_t> Decoder::number(const Node& node, std::uint64_t min, std::uint64_t max) {
  const std::string expected = fmt::format("a whole number from {} to {}", min, max);
  const std::optional<Text> found = text(node, expected);
  if (!found) return std::nullopt;
  const std::optional<std::uint64_t> value = parse_whole_number(found->value);
  if (value && *value >= min && *value <= max) return value;
  reject(*found, expected);
  return std::nullopt;
}

std::optional<std::uint64_t> Decoder::size(const Node& node, std::uint64_t min, std::uint64_t max) {
  constexpr std::string_view kExpected = "a size such as 512B, 64KiB or 1GiB";
  const std::optional<Text> found = text(node, kExpected);
  if (!found) return std::nullopt;
  const std::optional<std::uint64_t> value = parse_size(found->value);
  if (!value) {
    reject(*found, kExpected);
    return std::nullopt;
  }
  if (*value >= min && *value <= max) return value;
  reject(*found, fmt::format("a size from {} to {} bytes", min, max));
  return std::nullopt;
}

std::optional<core::Milliseconds> Decoder::duration(const Node& node) {
  constexpr std::string_view kExpected = "a duration such as 250ms, 5s, 1m or 12h";
  const std::optional<Text> found = text(node, kExpected);
  if (!found) return std::nullopt;
  const std::optional<core::Milliseconds> value = parse_duration(found->value);
  if (!value) {
    reject(*found, kExpected);
    return std::nullopt;
  }
  if (value->count() > 0 && *value <= kLongestDuration) return value;
  reject(*found, "a duration from 1ms to 30d");
  return std::nullopt;
}

std::optional<std::size_t> Decoder::choice_index(const Node& node, std::span<const std::string_view> names) {
  const std::string expected = one_of(names);
  const std::optional<Text> found = text(node, expected);
  if (!found) return std::nullopt;
  const auto match = std::ranges::find(names, std::string_view(found->value));
  if (match != names.end()) return static_cast<std::size_t>(match - names.begin());
  sink_.error(
      found->at, found->value,
      fmt::format("expected {}, found {}{}", expected, in_quotes(found->value), suggestion(found->value, names)));
  return std::nullopt;
}

std::span<const Node> Decoder::list(const Node& node, std::string_view expected) {
  if (node.is(Node::Kind::sequence)) return node.items;
  reject(node, expected);
  return {};
}

std::span<const NodeEntry> Decoder::named_entries(const Node& node, std::string_view expected) {
  if (node.is(Node::Kind::mapping)) return node.entries;
  reject(node, expected);
  return {};
}

Fields::Fields(Decoder& decoder, const Node& node, const KeyTable& table)
    : decoder_(decoder), node_(node), table_(table) {
  if (!node.is(Node::Kind::mapping)) {
    decoder.reject(node, fmt::format("a mapping with the keys of {} ({})", table.what, one_of(table.keys)));
    return;
  }
  for (const NodeEntry& entry : node.entries) {
    if (std::ranges::find(table.keys, std::string_view(entry.key)) == table.keys.end()) report_unknown(entry);
  }
}

void Fields::report_unknown(const NodeEntry& entry) {
  DiagnosticSink& sink = decoder_.sink();
  const auto holds = [&](std::span<const std::string_view> words) {
    return std::ranges::find(words, std::string_view(entry.key)) != words.end();
  };
  if (holds(table_.planned) || holds(kPlannedEverywhere)) {
    sink.error(entry.key_at, entry.key,
               fmt::format("{} in {}: not in this version", in_quotes(entry.key), table_.what));
    return;
  }
  if (holds(table_.elsewhere)) {
    sink.error(entry.key_at, entry.key,
               fmt::format("{} can't stand in {}, only in {}", in_quotes(entry.key), table_.what, table_.where));
    return;
  }
  if (entry.value.is(Node::Kind::null) && entry.key.find(':') != std::string::npos) {
    sink.error(entry.key_at, entry.key, fmt::format("a space must stand behind the ':' in {}", in_quotes(entry.key)));
    return;
  }
  const std::string near = suggestion(entry.key, table_.keys);
  sink.error(entry.key_at, entry.key,
             fmt::format("unknown key {} in {}{}", in_quotes(entry.key), table_.what,
                         near.empty() ? fmt::format("; known are {}", one_of(table_.keys)) : near));
}

const Node* Fields::find(std::string_view key) const {
  const auto entry = std::ranges::find(node_.entries, key, &NodeEntry::key);
  return entry == node_.entries.end() ? nullptr : &entry->value;
}

const Node* Fields::require(std::string_view key, std::string_view hint) {
  const Node* node = find(key);
  if (node == nullptr && is_mapping()) {
    decoder_.sink().error(node_.at, "",
                          fmt::format("{} needs '{}'{}{}", table_.what, key, hint.empty() ? "" : ": ", hint));
  }
  return node;
}

Position Fields::key_position(std::string_view key) const {
  const auto entry = std::ranges::find(node_.entries, key, &NodeEntry::key);
  return entry == node_.entries.end() ? node_.at : entry->key_at;
}

}  // namespace gateway::config
