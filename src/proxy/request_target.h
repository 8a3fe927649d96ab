#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace gateway::proxy {

// A request-target (RFC 9112 section 3.2) brought to the one form that policy, routes and upstream see.
struct RequestTarget {
  std::string path;       // normalised: unreserved escapes decoded, dot segments resolved, slashes merged; escapes upper-case
  std::string query;      // with its "?", as received; "" if there is none
  std::string authority;  // of an absolute-form target, as received; else ""
  bool asterisk = false;  // "OPTIONS *"
  bool encoded_slash = false;  // the path holds %2F: only a route with `encoded_slashes: keep` may serve it
};

// Error: what is wrong, for the log (the answer is 400). Refused: authority-form, a scheme other than http and https, user
// information, a fragment, backslash (raw or escaped), NUL and control bytes (raw or escaped), bad escapes, bytes over 0x7F,
// a path that climbs above the root is clamped to it as RFC 3986 section 5.2.4 says.
std::expected<RequestTarget, std::string> parse_request_target(std::string_view method, std::string_view target, bool merge_slashes);

}  // namespace gateway::proxy
