#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway::tls {

// A distinguished name, written as text, in a form that is equal for all usual ways to write one name: RFC 4514 as in
// our logs ("CN=a,O=b"), and what openssl prints ("O = b, CN = a"). Order of the whole, letter case (ASCII), spaces,
// escapes and quotes don't count. Two different names may get one form; no name gets two. nullopt: not a name.
std::optional<std::string> canonical_dn(std::string_view text);

}  // namespace gateway::tls
