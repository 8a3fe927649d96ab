#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway::config {

enum class Severity { error, warning };

// One finding, as a compiler would put it.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  int line = 0;       // from 1; 0: the file as a whole
  int column = 0;     // from 1, in bytes
  std::string value;  // what was found there; "" if the finding is about what is missing
  std::string message;
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

// "FILE:LINE:COLUMN: error: MESSAGE"; control bytes of the file are escaped. Without a line: "FILE: error: MESSAGE".
std::string to_string(const Diagnostic& diagnostic);

// Where something stands in the config file; {0, 0}: nowhere in particular.
struct Position {
  int line = 0;
  int column = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// So many findings are kept; one slip in an alias or a template can make thousands.
inline constexpr std::size_t kMaxDiagnostics = 500;

// Collects the findings on one file. Single-threaded.
class DiagnosticSink {
 public:
  explicit DiagnosticSink(std::string file) : file_(std::move(file)) {}

  void error(Position at, std::string_view value, std::string_view message) {
    add(Severity::error, at, value, message);
  }
  void warning(Position at, std::string_view value, std::string_view message) {
    add(Severity::warning, at, value, message);
  }
  [[nodiscard]] bool has_errors() const { return findings_.errors != 0; }
  [[nodiscard]] std::size_t errors() const { return findings_.errors; }
  [[nodiscard]] bool is_empty() const { return findings_.all.empty(); }
  // In the order of the file. Empty and without errors afterwards.
  std::vector<Diagnostic> take();

  // What `work` finds, in place of adding it: whoever asks decides what becomes of it.
  template <typename Work>
  std::vector<Diagnostic> aside(Work work) {
    Findings before = std::exchange(findings_, {});
    work();
    std::vector<Diagnostic> found = take();
    findings_ = std::move(before);
    return found;
  }

 private:
  struct Findings {
    std::vector<Diagnostic> all;
    std::size_t errors = 0;
    bool is_full = false;
  };
  void add(Severity severity, Position at, std::string_view value, std::string_view message);

  std::string file_;
  Findings findings_;
};

}  // namespace gateway::config
