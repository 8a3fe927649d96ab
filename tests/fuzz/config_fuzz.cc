// A config as any bytes: decoding must end, in bounded memory, with a config or with an error that has a place. Touches
// no file.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gateway::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  DiagnosticSink sink("fuzz.yaml");
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "SET" ? std::optional<std::string>("${value}: [") : std::nullopt;
  };
  const bool decoded = decode(text, sink, environment).has_value();
  if (!decoded && !sink.has_errors()) std::abort();
  for (const Diagnostic& diagnostic : sink.take()) {
    if (diagnostic.message.empty() || to_string(diagnostic).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
