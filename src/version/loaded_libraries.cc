#include "version/loaded_libraries.h"

#include <link.h>

#include <filesystem>
#include <system_error>

namespace gateway::version {

std::vector<std::string> loaded_libraries() {
  std::vector<std::string> files;
  const auto take = [](dl_phdr_info* info, std::size_t /*size*/, void* out) {
    // The program itself has no name.
    if (info->dlpi_name == nullptr || *info->dlpi_name == '\0') return 0;
    std::error_code error;
    auto file = std::filesystem::canonical(info->dlpi_name, error);
    if (!error) static_cast<std::vector<std::string>*>(out)->push_back(std::move(file).string());
    return 0;
  };
  ::dl_iterate_phdr(take, &files);
  return files;
}

std::optional<std::string> version_of(std::string_view library, const std::vector<std::string>& files) {
  constexpr std::string_view kInfix = ".so.";
  for (const std::string_view file : files) {
    std::string_view name = file.substr(file.rfind('/') + 1);
    if (!name.starts_with(library)) continue;
    name.remove_prefix(library.size());
    if (name.starts_with(kInfix)) return std::string(name.substr(kInfix.size()));
  }
  return std::nullopt;
}

}  // namespace gateway::version
