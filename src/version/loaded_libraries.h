#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway::version {

// Files of the shared objects in this process, with symbolic links resolved: libre2.so.9.0.0, not libre2.so.9.
std::vector<std::string> loaded_libraries();

// "9.0.0" of /usr/lib/libre2.so.9.0.0 for the name "libre2"; nothing if no file has that name.
std::optional<std::string> version_of(std::string_view library, const std::vector<std::string>& files);

}  // namespace gateway::version
