#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "config/config.h"
#include "config/file_reader.h"
#include "config/load.h"

namespace gateway::config {

// From the decoded config to one generation: the checks of the whole, the files, the compiled policies and tables. Goes
// through all of it even if there are errors, so that all are reported; nullopt if `sink` holds any then. The
// path is left to the caller.
std::optional<LoadedConfig> build(std::shared_ptr<const Config> config, std::uint64_t generation, FileReader& files,
                                  LoadMemory& memory, std::chrono::sys_seconds now, DiagnosticSink& sink);

}  // namespace gateway::config
