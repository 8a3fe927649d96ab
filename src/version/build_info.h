#pragma once

#include <string_view>

namespace gateway::version {

// Of this program, as of its build. The commit is "unknown" where neither git nor the builder told it, and ends in
// "-dirty" if files were changed after it.
std::string_view own_version() noexcept;
std::string_view commit() noexcept;
std::string_view compiler() noexcept;
std::string_view build_type() noexcept;

}  // namespace gateway::version
