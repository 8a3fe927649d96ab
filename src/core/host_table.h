#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gateway::core {

// The host names of one listener and the virtual host that each belongs to. SNI and Host are looked up in the same
// table, so the two can't disagree. Immutable once built; safe to read from any thread.
class HostTable {
 public:
  using Index = std::uint32_t;

  // `pattern` is a canonical name or "*." and a canonical name (exactly one label). False if it is taken already.
  bool add(std::string_view pattern, Index host);
  void set_default(Index host) { default_ = host; }

  // `name` is in canonical form. An exact name wins over a wildcard.
  [[nodiscard]] std::optional<Index> find(std::string_view name) const;
  [[nodiscard]] std::optional<Index> default_host() const { return default_; }
  [[nodiscard]] bool empty() const { return exact_.empty() && wildcard_.empty() && !default_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Map = std::unordered_map<std::string, Index, Hash, std::equal_to<>>;
  Map exact_;
  Map wildcard_;  // key: what stands behind "*."
  std::optional<Index> default_;
};

}  // namespace gateway::core
