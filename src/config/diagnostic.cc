#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/quote.h"

namespace gateway::config {

std::string to_string(const Diagnostic& diagnostic) {
  const char* word = diagnostic.severity == Severity::error ? "error" : "warning";
  const std::string file = escaped(diagnostic.file);
  const std::string message = escaped(diagnostic.message);
  if (diagnostic.line == 0) return fmt::format("{}: {}: {}", file, word, message);
  return fmt::format("{}:{}:{}: {}: {}", file, diagnostic.line, diagnostic.column, word, message);
}

void DiagnosticSink::add(Severity severity, Position at, std::string_view value, std::string_view message) {
  Diagnostic diagnostic{.severity = severity,
                        .file = file_,
                        .line = at.line,
                        .column = at.column,
                        .value = std::string(value),
                        .message = std::string(message)};
  // A value behind a YAML alias is decoded once for each use, but its fault is one.
  if (std::ranges::find(found_, diagnostic) != found_.end()) return;
  if (severity == Severity::error) ++errors_;
  if (found_.size() < kMaxDiagnostics) found_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> DiagnosticSink::take() {
  std::ranges::stable_sort(found_, {}, [](const Diagnostic& d) { return std::pair(d.line, d.column); });
  if (errors_ > 0 && found_.size() == kMaxDiagnostics) {
    found_.push_back({.severity = Severity::error,
                      .file = file_,
                      .value = "",
                      .message = "too many findings; the others are left out"});
  }
  return std::move(found_);
}

}  // namespace gateway::config
