#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace gateway::ctl {

// The admin API is HTTP/1.1 on a Unix socket of mode 0600; whoever may open it is the operator. One request a
// connection. Every answer is one JSON object (unknown members are to be ignored):
//   POST /reload   200 {"result": "reloaded", "generation": N, "changes": ["..."], "warnings": [DIAGNOSTIC...]}
//                      after every worker has taken the new generation
//                  422 {"result": "refused", "generation": N, "errors": [DIAGNOSTIC...], "warnings": [...]}; N goes on
//                  504 {"result": "timeout", ...}: loaded, but not every worker has taken it
//   POST /drain    200 {"ready": false, "draining": true}: the daemon serves on until SIGTERM
//   POST /revoke, /unrevoke with {"fingerprint" or "serial", "issuer", "comment"}, all texts
//                  200 {"result": "done", "entry": ENTRY, "closed_connections": N, "count": N, "saved": true,
//                  "warnings":
//                       ["..."]} after every worker has judged its connections by it
//                  500 {"result": "unsaved", "error", ...}: in force, but a restart loses it
//                  404 {"result": "unknown", "error", ...}, 422 {"error"}: nothing has changed
//                  504 {"result": "timeout", "error", ...}: not every worker has confirmed it
//   GET /revocations  200 {"count", "saved", "entries": [ENTRY...]}; ENTRY is {"fingerprint", "serial", "issuer",
//                       "added", "comment"}, null where there is none
//   GET /status    200 {"version", "generation", "uptime_seconds", "draining", "workers": [...], "listeners": [...],
//                       "virtual_hosts": [...], "upstreams": [{"name", "endpoints": [...]}], ...}
//   GET /health    200 {"ready": true}, or 503 {"ready": false, ...}
//   GET /version   200 {"version", ...}
// DIAGNOSTIC is {"severity": "error" or "warning", "file", "line", "column", "value", "message"}.
struct AdminResponse {
  int status = 0;
  std::string body;
};

// Why there is no answer.
struct AdminFailure {
  enum class Kind : std::uint8_t { unreachable, timeout };
  Kind kind = Kind::unreachable;
  std::string message;
};

inline constexpr std::size_t kMaxAdminHeadBytes = 16U << 10U;
inline constexpr std::size_t kMaxAdminBodyBytes = 64U << 20U;

// Sends one request and waits for the whole answer, at most until `deadline`. Strict: whatever is not an
// HTTP/1.1 answer with a Content-Length or an end by closing is no daemon of ours, so unreachable. Blocks; throws
// nothing.
std::expected<AdminResponse, AdminFailure> call_admin(const std::filesystem::path& socket, std::string_view method,
                                                      std::string_view target,
                                                      std::chrono::steady_clock::time_point deadline,
                                                      std::string_view body = {});

}  // namespace gateway::ctl
