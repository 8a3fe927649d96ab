#pragma once

#include <string_view>

#include "config/diagnostic.h"

namespace gateway::config {

// Whether `text` is UTF-8 without control bytes (but tab, LF and CRLF). Must hold before yaml-cpp sees it: that takes
// byte 0x04 for the end of the input and guesses at other encodings, so that a part of the file would be passed over in
// silence.
bool check_source_text(std::string_view text, DiagnosticSink& sink);

// Line `line` (from 1) of `text` without its end; "" beyond the last.
std::string_view line_of(std::string_view text, int line);

}  // namespace gateway::config
