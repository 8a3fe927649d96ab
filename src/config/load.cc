#include "config/load.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include "config/file_reader.h"
#include "config/quote.h"
#include "config/snapshot_builder.h"
#include "core/limits.h"

namespace gateway::config {
namespace {

std::optional<LoadedConfig> load_into(const std::string& path, std::uint64_t generation, LoadMemory& memory,
                                      const Environment& environment, std::vector<WatchedFile>& watched,
                                      DiagnosticSink& sink) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  const std::string file = error ? path : absolute.string();
  const auto text = read_watched_file(file, core::kMaxConfigBytes, watched);
  if (!text) {
    sink.error({}, path, fmt::format("can't read the config: {}", text.error()));
    return std::nullopt;
  }
  auto config = memory.texts.decode(*text, sink, environment);
  if (!config) return std::nullopt;
  FileReader files(file, watched);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::optional<LoadedConfig> loaded = build(std::move(config), generation, files, memory, now, sink);
  if (!loaded) return std::nullopt;
  loaded->path = path;
  if (loaded->watch == Watch::all) loaded->summary.push_back(fmt::format("watch: {} file(s)", watched.size()));
  return loaded;
}

}  // namespace

std::string_view to_string(Watch watch) noexcept {
  switch (watch) {
    case Watch::off:
      return "off";
    case Watch::files:
      return "files";
    case Watch::all:
      break;
  }
  return "all";
}

LoadResult load(const std::string& path, std::uint64_t generation, const Environment& environment) {
  LoadMemory memory;
  return load(path, generation, memory, environment);
}

LoadResult load(const std::string& path, std::uint64_t generation, LoadMemory& memory, const Environment& environment) {
  DiagnosticSink sink(path);
  LoadResult result;
  try {
    result.config = load_into(path, generation, memory, environment, result.watched_files, sink);
  } catch (const std::exception& error) {
    // Out of memory, or a library's surprise: the running generation stays.
    result.config.reset();
    sink.error({}, "", fmt::format("the config can't be loaded: {}", error.what()));
  }
  result.diagnostics = sink.take();
  if (result.config) {
    result.config->warnings = result.diagnostics;
    memory.files.forget_unused();
  }
  return result;
}

}  // namespace gateway::config
