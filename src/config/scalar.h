#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/limits.h"

namespace gateway::config {

// The typed forms of a scalar, without any context. nullopt: not of that form.

// true, yes, on; false, no, off (any of YAML 1.1's spellings: True, TRUE).
std::optional<bool> parse_boolean(std::string_view text);
// Digits only.
std::optional<std::uint64_t> parse_whole_number(std::string_view text);
// A whole number and ms, s, m, h or d; several in descending order ("1m30s"). Overflow gives nullopt.
std::optional<core::Milliseconds> parse_duration(std::string_view text);
// A whole number and B, KiB, MiB, GiB or TiB; a number alone is bytes. Overflow gives nullopt.
std::optional<std::uint64_t> parse_size(std::string_view text);

// A field name or method: token of RFC 9110 section 5.6.2.
bool is_token(std::string_view text);
// What a field value may hold (RFC 9110 section 5.5): no control bytes but tab, no space around it.
bool is_field_value(std::string_view text);

}  // namespace gateway::config
