#include "proxy/local_reply.h"

#include <array>
#include <chrono>
#include <utility>

#include "proxy/text_encoding.h"

namespace gateway::proxy {
namespace {

constexpr auto kPhrases = std::to_array<std::pair<unsigned, std::string_view>>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});

// Of the reasons that a client is told; plain ASCII without quotes. As much as the TLS alert would say.
std::string_view detail_of(core::Reason reason) {
  using core::Reason;
  switch (reason) {
    case Reason::no_certificate:
      return "This host requires a client certificate, and none was sent.";
    case Reason::not_authenticated:
      return "This resource requires a client certificate, and none was sent.";
    case Reason::unknown_ca:
      return "The client certificate does not lead to a CA that this host trusts.";
    case Reason::bad_signature:
      return "A signature in the chain of the client certificate is not valid.";
    case Reason::bad_chain:
      return "The chain of the client certificate can't be verified.";
    case Reason::chain_too_deep:
      return "The chain of the client certificate is too long.";
    case Reason::expired:
      return "The client certificate, or a CA above it, has expired.";
    case Reason::not_yet_valid:
      return "The client certificate, or a CA above it, is not valid yet.";
    case Reason::revoked:
    case Reason::ocsp_revoked:
      return "The client certificate, or a CA above it, was revoked.";
    case Reason::crl_expired:
    case Reason::crl_missing:
    case Reason::ocsp_unavailable:
      return "Whether the client certificate was revoked can't be told now.";
    case Reason::wrong_purpose:
      return "The client certificate is not meant for TLS clients.";
    case Reason::name_constraint:
      return "A CA above the client certificate does not permit its names.";
    case Reason::weak_key:
      return "A key or signature in the chain of the client certificate is too weak.";
    case Reason::malformed_certificate:
      return "The client certificate, or a CA above it, is malformed.";
    default:
      return {};
  }
}

void append_field(std::string_view name, std::string_view value, std::string& out) {
  if (value.empty()) return;
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(unsigned status) noexcept {
  for (const auto& [code, phrase] : kPhrases) {
    if (code == status) return phrase;
  }
  return "Unknown";
}

void write_local_reply(const LocalReply& reply, std::string& out) {
  // RFC 9110 sections 15.3.5 and 15.4.5: no content, and for 204 no Content-Length either.
  const bool has_content = reply.status >= 200 && reply.status != 204 && reply.status != 304;
  out += "HTTP/1.1 ";
  append_number(reply.status, out);
  out += ' ';
  out += reason_phrase(reply.status);
  out += "\r\nDate: ";
  append_http_date(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), out);
  out += "\r\n";
  if (has_content) {
    if (!reply.body.empty()) append_field("Content-Type", reply.content_type, out);
    out += "Content-Length: ";
    append_number(reply.body.size(), out);
    out += "\r\n";
  }
  append_field("Location", reply.location, out);
  append_field("Allow", reply.allow, out);
  append_field("X-Request-Id", reply.request_id, out);
  if (reply.status >= 400) out += "Cache-Control: no-store\r\n";
  if (reply.close) {
    out += "Connection: close\r\n";
  } else if (reply.version_minor == 0) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  if (has_content && !reply.to_head) out += reply.body;
}

void write_error_reply(const ErrorReply& reply, std::string& out) {
  std::string body = R"({"type":"about:blank","title":")";
  body += reason_phrase(reply.status);
  body += R"(","status":)";
  append_number(reply.status, body);
  if (!reply.request_id.empty()) {
    body += R"(,"request_id":")";
    for (const char c : reply.request_id) {
      // Ids are ours or were checked; whatever slipped through must not end the string.
      if (c > 0x20 && c < 0x7f && c != '"' && c != '\\') body += c;
    }
    body += '"';
  }
  if (const std::string_view detail = detail_of(reply.reason); !detail.empty()) {
    body += R"(,"reason":")";
    body += core::to_string(reply.reason);
    body += R"(","detail":")";
    body += detail;
    body += '"';
  }
  body += "}\n";
  write_local_reply({.status = reply.status,
                     .content_type = "application/problem+json",
                     .body = body,
                     .request_id = reply.request_id,
                     .close = reply.close,
                     .to_head = reply.to_head,
                     .version_minor = reply.version_minor,
                     .location = {},
                     .allow = {}},
                    out);
}

unsigned status_of(core::Reason reason) noexcept {
  using core::Reason;
  switch (reason) {
    case Reason::none:
      return 200;
    // A certificate that only turned out bad after the handshake.
    case Reason::no_certificate:
    case Reason::unknown_ca:
    case Reason::bad_signature:
    case Reason::bad_chain:
    case Reason::chain_too_deep:
    case Reason::expired:
    case Reason::not_yet_valid:
    case Reason::revoked:
    case Reason::crl_expired:
    case Reason::crl_missing:
    case Reason::ocsp_revoked:
    case Reason::ocsp_unavailable:
    case Reason::wrong_purpose:
    case Reason::name_constraint:
    case Reason::weak_key:
    case Reason::malformed_certificate:
    case Reason::policy_denied:
    case Reason::not_authenticated:
      return 403;
    case Reason::unrecognized_name:
    case Reason::wrong_host:
      return 421;
    case Reason::protocol_version:
    case Reason::no_shared_cipher:
    case Reason::no_application_protocol:
    case Reason::not_tls:
    case Reason::plain_http:
    case Reason::client_alert:
    case Reason::client_closed:
    case Reason::bad_request:
      return 400;
    case Reason::too_large:
      return 413;
    case Reason::no_route:
      return 404;
    case Reason::rate_limited:
      return 429;
    case Reason::upstream_connect:
    case Reason::upstream_reset:
    case Reason::upstream_bad_response:
      return 502;
    case Reason::upstream_timeout:
      return 504;
    case Reason::no_endpoint:
    case Reason::draining:
    case Reason::connection_limit:
      return 503;
    case Reason::timeout:
      return 408;
    case Reason::internal:
      return 500;
  }
  return 500;
}

}  // namespace gateway::proxy
