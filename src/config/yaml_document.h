#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace gateway::config {

struct NodeEntry;

// One value of a YAML document, with its place. A tree of plain values: aliases are copied in when the text is parsed.
struct Node {
  enum class Kind : std::uint8_t { null, scalar, sequence, mapping };
  Kind kind = Kind::null;
  bool quoted = false;  // a scalar in quotes or a block scalar
  Position at;
  std::string text;  // of a scalar, before ${...} is replaced
  std::vector<Node> items;
  std::vector<NodeEntry> entries;

  [[nodiscard]] bool is(Kind other) const { return kind == other; }
};

struct NodeEntry {
  std::string key;
  Position key_at;
  Node value;
};

// Bounds on what a text may unfold to; a text beyond them is refused.
inline constexpr std::size_t kMaxNodes = 2'000'000;
inline constexpr std::size_t kMaxAliasedNodes = 200'000;  // all copies together
inline constexpr std::size_t kMaxDepth = 32;

// The root mapping of the one YAML document in `text`. nullopt if there is none that can be used: then `sink` holds an
// error. Duplicate keys are errors, too, but do not stop it (the first one is kept). Aliases work, merge keys (<<)
// don't.
std::optional<Node> parse_yaml(std::string_view text, DiagnosticSink& sink);

}  // namespace gateway::config
