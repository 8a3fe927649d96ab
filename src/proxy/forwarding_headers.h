#pragma once

#include <string>
#include <string_view>

#include "core/ip_address.h"
#include "proxy/header_template.h"
#include "proxy/http_head.h"
#include "proxy/request_target.h"
#include "proxy/snapshot.h"

namespace gateway::proxy {

// The form in which field names are compared wherever a client's field could pass for one of ours: lower case, and '-'
// for '_' and '.', because applications fold them (CGI and WSGI names).
std::string fold_field_name(std::string_view name);

// All that the fields towards an upstream depend on. Views live as long as the call.
struct ForwardedRequest {
  const RequestHead* head = nullptr;
  const RequestTarget* target = nullptr;
  const Snapshot* snapshot = nullptr;
  const Route* route = nullptr;
  RequestVariables variables;  // its request_id is the one to send
  core::IpAddress source_ip;   // of the connection
  std::string_view scheme{};   // "https" or "http": how the client came
  std::string_view host{};     // Host as it is forwarded
};

// Writes the whole request head for the upstream (HTTP/1.1, request line to empty line). In this order: the client's
// fields without hop-by-hop fields, what Connection names, protected fields and `remove`; then Host, framing,
// forwarding, identity and `set` fields. The one place where a client's identity fields are stripped; trailers go
// through write_trailers().
void write_upstream_request_head(const ForwardedRequest& request, std::string& out);

// The last chunk and the trailer section of a chunked request, stripped by the same rules (RFC 9110 section 6.5.1:
// framing, routing and authentication fields never travel in trailers).
void write_request_trailers(const Fields& trailers, const Snapshot& snapshot, const Route& route, std::string& out);

// Writes the response head for the client (RFC 9112): hop-by-hop fields out, our framing and Connection in. `chunked`:
// the body will be sent in chunks; `close`: the connection ends after it. Date is added if the upstream sent none.
struct ForwardedResponse {
  const ResponseHead* head = nullptr;
  unsigned client_version_minor = 1;
  bool chunked = false;
  bool close = false;
  bool to_head = false;           // answers HEAD: Content-Length is passed on, no body follows
  bool tunnel = false;            // 101: Connection and Upgrade are kept
  std::string_view request_id{};  // "" adds none
  bool via = false;
};
void write_client_response_head(const ForwardedResponse& response, std::string& out);
// An interim response (100, 103) as it is passed on.
void write_interim_response(const ResponseHead& head, std::string& out);
void write_response_trailers(const Fields& trailers, std::string& out);

}  // namespace gateway::proxy
