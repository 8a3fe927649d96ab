#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway::config {

// The one of `known` that `word` is most likely a slip of; "" if none is near enough.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);
// "; did you mean 'bind'?", or "" if nothing is near.
std::string suggestion(std::string_view word, std::span<const std::string_view> known);
// "a, b or c"
std::string one_of(std::span<const std::string_view> words);

}  // namespace gateway::config
