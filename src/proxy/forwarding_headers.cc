#include "proxy/forwarding_headers.h"

#include <algorithm>
#include <chrono>

#include "proxy/field_rules.h"
#include "proxy/identity_headers.h"
#include "proxy/local_reply.h"
#include "proxy/text_encoding.h"

namespace gateway::proxy {
namespace {

void append_field(std::string_view name, std::string_view value, std::string& out) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

bool is_trusted_proxy(const Snapshot& snapshot, const core::IpAddress& address) {
  return std::any_of(snapshot.trusted_proxies.begin(), snapshot.trusted_proxies.end(),
                     [&](const core::Cidr& network) { return network.contains(address); });
}

bool names_field(const std::vector<std::string>& names, std::string_view field) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return equal_folded(name, field); });
}

// Appends lines that mostly follow each other in memory, as few pieces.
class LineRun {
 public:
  explicit LineRun(std::string& out) : out_(out) {}
  LineRun(const LineRun&) = delete;
  LineRun& operator=(const LineRun&) = delete;
  ~LineRun() { out_ += run_; }

  void add(std::string_view line) {
    if (run_.data() + run_.size() == line.data()) {
      run_ = {run_.data(), run_.size() + line.size()};
      return;
    }
    out_ += run_;
    run_ = line;
  }

 private:
  std::string& out_;
  std::string_view run_;
};

// Names are folded one after another: the memory for it is this thread's.
std::string& folding_buffer() {
  static thread_local std::string buffer;
  return buffer;
}

// What a trusted proxy said of the hops before it.
struct EarlierHops {
  std::string forwarded_for;
  std::string forwarded;
  std::string_view proto;
  std::string_view host;
};

void append_list_element(std::string_view value, std::string& list) {
  if (value.empty()) return;
  if (!list.empty()) list += ", ";
  list += value;
}

// Writes the head of one request. The parts are called in the order in which they are written.
class RequestWriter {
 public:
  RequestWriter(const ForwardedRequest& request, std::string& out)
      : request_(request),
        route_(*request.route),
        trusted_(is_trusted_proxy(*request.snapshot, request.source_ip)),
        out_(out) {}

  void write_request_line();
  void write_client_fields();
  void write_host_and_framing();
  void write_forwarding_fields();
  void write_identity_fields();
  void write_set_fields();

 private:
  [[nodiscard]] bool is_ours(std::string_view name) const;
  bool take_earlier_hop(Field field);
  void append_forwarded_element(std::string& list) const;
  [[nodiscard]] const FieldToSet* field_set(std::string_view name) const;
  void append_unless_set(std::string_view name, std::string_view value);

  const ForwardedRequest& request_;
  const Route& route_;
  const bool trusted_;
  std::string& out_;
  EarlierHops earlier_;
  std::string& folded_ = folding_buffer();  // of the field at hand
};

void RequestWriter::write_request_line() {
  out_ += request_.head->method;
  out_ += ' ';
  out_ += request_.target->path;
  out_ += request_.target->query;
  out_ += " HTTP/1.1\r\n";
}

// Of a field that passes by its kind: whether the gateway or the route writes or removes one of that name.
bool RequestWriter::is_ours(std::string_view name) const {
  if (request_.snapshot->protected_fields.contains(folded_)) return true;
  if (route_.forwarding.x_request_id && folded_ == "x-request-id") return true;
  return names_field(route_.remove, name);
}

void RequestWriter::write_client_fields() {
  const ConnectionOptions connection(request_.head->fields);
  LineRun passed(out_);
  for (const Field field : request_.head->fields) {
    fold_into(field.name, folded_);
    const FieldRule rule = request_field_rule(folded_);
    if (rule == FieldRule::hop_by_hop || rule == FieldRule::identity || is_ours(field.name)) continue;
    if (rule == FieldRule::forwarding) {
      // In any other spelling it is none that the proxy wrote, but one that it overlooked.
      if (!trusted_ || !equal_ignoring_case(field.name, folded_) || take_earlier_hop(field)) continue;
    } else if (connection.name(field.name)) {
      continue;
    }
    passed.add(field.line);
  }
}

// True if the field is one that we write ourselves, from what it says.
bool RequestWriter::take_earlier_hop(Field field) {
  if (route_.forwarding.forwarded && folded_ == "forwarded") {
    append_list_element(field.value, earlier_.forwarded);
    return true;
  }
  if (!route_.forwarding.x_forwarded) return false;
  if (folded_ == "x-forwarded-for") {
    append_list_element(field.value, earlier_.forwarded_for);
  } else if (folded_ == "x-forwarded-proto") {
    if (earlier_.proto.empty()) earlier_.proto = field.value;
  } else if (folded_ == "x-forwarded-host") {
    if (earlier_.host.empty()) earlier_.host = field.value;
  } else {
    return false;
  }
  return true;
}

const FieldToSet* RequestWriter::field_set(std::string_view name) const {
  const auto found = std::find_if(route_.set.begin(), route_.set.end(),
                                  [&](const FieldToSet& field) { return equal_folded(field.name, name); });
  return found == route_.set.end() ? nullptr : &*found;
}

void RequestWriter::write_host_and_framing() {
  const FieldToSet* const host = field_set("host");
  out_ += "Host: ";
  if (host != nullptr) {
    host->value.render(request_.variables, out_);
  } else {
    out_ += request_.host;
  }
  out_ += "\r\n";
  const RequestHead& head = *request_.head;
  if (head.body == BodyKind::content_length) {
    out_ += "Content-Length: ";
    append_number(head.content_length, out_);
    out_ += "\r\n";
  } else if (head.body == BodyKind::chunked) {
    out_ += "Transfer-Encoding: chunked\r\n";
  }
  if (head.expect_continue) out_ += "Expect: 100-continue\r\n";
  if (head.upgrade_websocket) out_ += "Connection: upgrade\r\nUpgrade: websocket\r\n";
}

void RequestWriter::append_forwarded_element(std::string& list) const {
  std::string element = "for=";
  const std::string address = request_.source_ip.to_string();
  element += request_.source_ip.is_v6() ? "\"[" + address + "]\"" : address;
  element += ";host=\"";
  for (const char c : request_.host) {
    if (c == '"' || c == '\\') element += '\\';
    element += c;
  }
  element += "\";proto=";
  element += request_.scheme;
  append_list_element(element, list);
}

void RequestWriter::write_forwarding_fields() {
  const ForwardingOptions& options = route_.forwarding;
  if (options.x_forwarded) {
    append_list_element(request_.source_ip.to_string(), earlier_.forwarded_for);
    append_unless_set("X-Forwarded-For", earlier_.forwarded_for);
    append_unless_set("X-Forwarded-Proto", earlier_.proto.empty() ? request_.scheme : earlier_.proto);
    append_unless_set("X-Forwarded-Host", earlier_.host.empty() ? request_.host : earlier_.host);
  }
  if (options.forwarded) {
    append_forwarded_element(earlier_.forwarded);
    append_unless_set("Forwarded", earlier_.forwarded);
  }
  if (options.x_request_id) append_unless_set("X-Request-Id", request_.variables.request_id);
  if (options.via) append_field("Via", request_.head->version_minor == 0 ? "1.0 gateway" : "1.1 gateway", out_);
}

// The route's own `set` wins over what we would write: never two fields of one name.
void RequestWriter::append_unless_set(std::string_view name, std::string_view value) {
  if (!value.empty() && field_set(name) == nullptr) append_field(name, value, out_);
}

void RequestWriter::write_identity_fields() {
  const core::PeerIdentity* const identity = request_.variables.identity;
  if (identity == nullptr) return;
  const IdentityHeaders& wanted = route_.identity_headers;
  if (wanted.client_cert && field_set("client-cert") == nullptr) write_client_cert_field(*identity, out_);
  if (wanted.xfcc && field_set("x-forwarded-client-cert") == nullptr)
    write_forwarded_client_cert_field(*identity, out_);
}

void RequestWriter::write_set_fields() {
  for (const FieldToSet& field : route_.set) {
    if (equal_folded(field.name, "host")) continue;
    const std::size_t start = out_.size();
    out_ += field.name;
    out_ += ": ";
    const std::size_t value_start = out_.size();
    field.value.render(request_.variables, out_);
    if (out_.size() == value_start) {
      out_.resize(start);  // nothing to say: no field, as nginx does
    } else {
      out_ += "\r\n";
    }
  }
}

void write_status_line(const ResponseHead& head, std::string& out) {
  out += "HTTP/1.1 ";
  append_number(head.status, out);
  out += ' ';
  out += head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason);
  out += "\r\n";
}

// All of a response's fields that are meant for the client. True if Date is one of them.
bool write_end_to_end_fields(const ResponseHead& head, bool keep_request_id, std::string& out) {
  const ConnectionOptions connection(head.fields);
  bool dated = false;
  std::string& folded = folding_buffer();
  LineRun passed(out);
  for (const Field field : head.fields) {
    fold_into(field.name, folded);
    if (is_hop_by_hop_response(folded) || connection.name(field.name)) continue;
    if (!keep_request_id && folded == "x-request-id") continue;
    dated = dated || folded == "date";
    passed.add(field.line);
  }
  return dated;
}

void write_response_framing(const ForwardedResponse& response, std::string& out) {
  const ResponseHead& head = *response.head;
  const bool without_content = head.status == 304 || response.to_head;
  if (response.tunnel || head.status < 200 || head.status == 204) return;
  if (response.chunked && !without_content) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (const auto length = head.fields.find("content-length"); length && head.body != BodyKind::chunked) {
    append_field("Content-Length", *length, out);
  }
}

void write_response_connection(const ForwardedResponse& response, std::string& out) {
  if (response.tunnel) {
    out += "Connection: upgrade\r\n";
    if (const auto protocol = response.head->fields.find("upgrade")) append_field("Upgrade", *protocol, out);
  } else if (response.close) {
    out += "Connection: close\r\n";
  } else if (response.client_version_minor == 0) {
    out += "Connection: keep-alive\r\n";
  }
}

}  // namespace

void write_upstream_request_head(const ForwardedRequest& request, std::string& out) {
  RequestWriter writer(request, out);
  writer.write_request_line();
  writer.write_client_fields();
  writer.write_host_and_framing();
  writer.write_forwarding_fields();
  writer.write_identity_fields();
  writer.write_set_fields();
  out += "\r\n";
}

void write_request_trailers(const Fields& trailers, const Snapshot& snapshot, const Route& route, std::string& out) {
  out += "0\r\n";
  std::string folded;
  for (const Field field : trailers) {
    fold_into(field.name, folded);
    if (is_refused_in_trailers(folded) || snapshot.protected_fields.contains(folded) ||
        names_field(route.remove, field.name))
      continue;
    out += field.line;
  }
  out += "\r\n";
}

void write_client_response_head(const ForwardedResponse& response, std::string& out) {
  write_status_line(*response.head, out);
  const bool dated = write_end_to_end_fields(*response.head, response.request_id.empty(), out);
  if (!dated) {
    out += "Date: ";
    append_http_date(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), out);
    out += "\r\n";
  }
  write_response_framing(response, out);
  write_response_connection(response, out);
  if (!response.request_id.empty()) append_field("X-Request-Id", response.request_id, out);
  if (response.via) append_field("Via", response.head->version_minor == 0 ? "1.0 gateway" : "1.1 gateway", out);
  out += "\r\n";
}

void write_interim_response(const ResponseHead& head, std::string& out) {
  write_status_line(head, out);
  write_end_to_end_fields(head, true, out);
  out += "\r\n";
}

void write_response_trailers(const Fields& trailers, std::string& out) {
  out += "0\r\n";
  std::string folded;
  for (const Field field : trailers) {
    fold_into(field.name, folded);
    if (!is_refused_in_trailers(folded)) out += field.line;
  }
  out += "\r\n";
}

}  // namespace gateway::proxy
