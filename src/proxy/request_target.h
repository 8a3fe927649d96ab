#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace gateway::proxy {

// A request-target (RFC 9112 section 3.2) brought to the one form that policy, routes and upstream see.
struct RequestTarget {
  // Normalised: unreserved escapes decoded, bytes that a path can't hold escaped, escapes in upper case, dot segments
  // resolved, slashes merged. "*" for asterisk-form.
  std::string path;
  std::string query;           // with its "?", as received; "" if there is none
  std::string authority;       // of an absolute-form target, as received; else ""
  bool asterisk = false;       // "OPTIONS *"
  bool encoded_slash = false;  // the path holds %2F: only a route with `encoded_slashes: keep` may serve it

  // As new, but for the memory that it keeps.
  void clear();
};

// Into `result`, whose memory is used again. Error: what is wrong, for the log (the answer is 400). Refused:
// authority-form, a scheme other than http and https, user information, a fragment, bytes that have to be escaped; in
// the path also backslash (raw or escaped), escaped control bytes, bad escapes, and dot segments behind which only some
// parsers see one ("..;x", "a%2F.."). A path that climbs above the root is clamped to it as RFC 3986 section 5.2.4
// says. Normalising a normalised path changes nothing.
std::expected<void, std::string> parse_request_target(std::string_view method, std::string_view target,
                                                      bool merge_slashes, RequestTarget& result);
std::expected<RequestTarget, std::string> parse_request_target(std::string_view method, std::string_view target,
                                                               bool merge_slashes);

}  // namespace gateway::proxy
