#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

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
  if (std::ranges::find(findings_.all, diagnostic) != findings_.all.end()) return;
  if (severity == Severity::error) ++findings_.errors;
  if (findings_.all.size() < kMaxDiagnostics) {
    findings_.all.push_back(std::move(diagnostic));
    return;
  }
  findings_.is_full = true;
  // No number of warnings may hide an error.
  const auto warning = std::ranges::find(findings_.all, Severity::warning, &Diagnostic::severity);
  if (severity == Severity::error && warning != findings_.all.end()) *warning = std::move(diagnostic);
}

std::vector<Diagnostic> DiagnosticSink::take() {
  Findings findings = std::exchange(findings_, {});
  // Not std::stable_sort, whose libstdc++ 12 clang 19 warns of.
  std::vector<std::tuple<int, int, std::size_t>> order;
  for (std::size_t i = 0; i < findings.all.size(); ++i)
    order.emplace_back(findings.all[i].line, findings.all[i].column, i);
  std::ranges::sort(order);
  std::vector<Diagnostic> sorted;
  for (const auto& [line, column, index] : order) sorted.push_back(std::move(findings.all[index]));
  if (findings.is_full) {
    sorted.insert(sorted.begin(), {.severity = findings.errors > 0 ? Severity::error : Severity::warning,
                                   .file = file_,
                                   .value = "",
                                   .message = "too many findings; the others are left out"});
  }
  return sorted;
}

}  // namespace gateway::config
