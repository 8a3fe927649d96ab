#pragma once

#include <string_view>

namespace gateway::proxy {

// The byte classes of RFC 9110 section 5.6 that both directions of HTTP/1 and the forwarding of fields go by.

bool is_token_byte(char c) noexcept;
// 1*tchar.
bool is_token(std::string_view text) noexcept;
// How many bytes of `text` are tchar before the first that is not.
std::size_t token_prefix(std::string_view text) noexcept;
// Field content: no control byte but HTAB; obs-text (0x80 and up) is allowed. Empty is fine.
bool is_field_value(std::string_view text) noexcept;
// Without surrounding SP and HTAB.
std::string_view trim_whitespace(std::string_view text) noexcept;

// Takes the next element off a comma-separated list, trimmed; empty elements come as empty views. False at the end.
bool next_list_element(std::string_view& list, std::string_view& element) noexcept;

}  // namespace gateway::proxy
