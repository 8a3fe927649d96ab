#pragma once

#include <string>
#include <string_view>

#include "core/reason.h"

namespace gateway::proxy {

// An answer that the gateway makes itself.
struct LocalReply {
  unsigned status = 500;
  std::string_view content_type{};
  std::string_view body{};
  std::string_view request_id{};
  bool close = false;
  bool to_head = false;         // no body, but its length
  unsigned version_minor = 1;   // of the request
  std::string_view location{};  // for 308
  std::string_view allow{};     // for 405
};
// Appends head and body.
void write_local_reply(const LocalReply& reply, std::string& out);

// An error as RFC 9457 application/problem+json: status, title and request id, nothing that helps an attacker. What the
// client's own certificate is to blame for, it is told: `reason` as a word and `detail` in a sentence.
struct ErrorReply {
  unsigned status = 500;
  std::string_view request_id{};
  bool close = true;
  bool to_head = false;
  unsigned version_minor = 1;
  core::Reason reason = core::Reason::none;
};
void write_error_reply(const ErrorReply& reply, std::string& out);

// The status that a refusal of a request is answered with (RFC 9110 section 15).
unsigned status_of(core::Reason reason) noexcept;
std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace gateway::proxy
