#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace gateway::gatewayd {

struct TempFolder {
  TempFolder() {
    std::string name = std::filesystem::temp_directory_path() / "gatewayd-test-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::string operator/(const char* name) const { return path / name; }
  std::filesystem::path path;
};

}  // namespace gateway::gatewayd
