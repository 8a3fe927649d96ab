#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/keys.h"
#include "config/yaml_document.h"
#include "core/limits.h"

namespace gateway::config {

// Turns nodes into typed values. Whatever does not fit is reported, with its place and what was expected, and gives
// nullopt: the caller goes on, so that one run finds all faults.
class Decoder {
 public:
  Decoder(DiagnosticSink& sink, const Environment& environment) : sink_(sink), environment_(environment) {}

  DiagnosticSink& sink() { return sink_; }
  // "expected {expected}, found ..."
  void reject(const Node& node, std::string_view expected);
  void reject(const Text& text, std::string_view expected);

  // A scalar with its ${...} replaced; `expected` describes it.
  std::optional<Text> text(const Node& node, std::string_view expected,
                           Variables variables = Variables::environment_only);
  // The same, not empty.
  std::optional<Text> word(const Node& node, std::string_view expected);
  // One scalar or a list of them.
  std::vector<Text> words(const Node& node, std::string_view expected);
  // Printable, without spaces around it and of bounded length: it shows up in logs and metrics.
  std::optional<Text> name(const Node& node, std::string_view what);
  std::optional<Text> key_as_name(const NodeEntry& entry, std::string_view what);

  std::optional<bool> boolean(const Node& node);
  std::optional<std::uint64_t> number(const Node& node, std::uint64_t min, std::uint64_t max);
  std::optional<std::uint64_t> size(const Node& node, std::uint64_t min, std::uint64_t max);
  std::optional<core::Milliseconds> duration(const Node& node);

  template <typename T>
  using Choices = std::span<const std::pair<std::string_view, T>>;
  template <typename T>
  std::optional<T> choice(const Node& node, Choices<T> choices) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) names.push_back(name);
    const std::optional<std::size_t> index = choice_index(node, names);
    return index ? std::optional<T>(choices[*index].second) : std::nullopt;
  }

  // The node's items; empty after an error.
  std::span<const Node> list(const Node& node, std::string_view expected);
  // The node's entries where keys are names that the user chooses; empty after an error.
  std::span<const NodeEntry> named_entries(const Node& node, std::string_view expected);

 private:
  std::optional<std::size_t> choice_index(const Node& node, std::span<const std::string_view> names);

  DiagnosticSink& sink_;
  const Environment& environment_;
};

// The entries of one mapping with fixed keys. Reports what is not in the table once, when it is made.
class Fields {
 public:
  Fields(Decoder& decoder, const Node& node, const KeyTable& table);

  // Null if the key is not there.
  [[nodiscard]] const Node* find(std::string_view key) const;
  // As above, but that is an error.
  const Node* require(std::string_view key, std::string_view hint = "");
  [[nodiscard]] bool is_mapping() const { return node_.is(Node::Kind::mapping); }
  [[nodiscard]] Position at() const { return node_.at; }
  [[nodiscard]] Position key_position(std::string_view key) const;

 private:
  void report_unknown(const NodeEntry& entry);

  Decoder& decoder_;
  const Node& node_;
  const KeyTable& table_;
};

// Stores `value` if there is one.
template <typename T, typename U>
void assign(T& target, std::optional<U> value) {
  if (value) target = std::move(*value);
}

}  // namespace gateway::config
