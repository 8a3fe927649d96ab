#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gateway::proxy {

// The route paths of one virtual host. The longest path wins; a lookup costs the same however many routes there are
// (one hash a path segment). Immutable once built.
class RouteTable {
 public:
  // `pattern` starts with "/"; a trailing "/*" is a prefix at a segment boundary ("/a/*" takes "/a", "/a/" and "/a/b").
  // False if the same path is taken already.
  bool add(std::string_view pattern, std::uint32_t route);
  // `path` is normalised. An exact path wins over a prefix of the same length.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view path) const;
  // For "OPTIONS *": the route of "/*" if there is one.
  [[nodiscard]] std::optional<std::uint32_t> root() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> exact_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> prefix_;  // key: without the "/*"
  std::size_t longest_prefix_bytes_ = 0;                                          // of the keys of prefix_
};

}  // namespace gateway::proxy
