#include "proxy/admission.h"

#include "core/host_name.h"
#include "core/recycled.h"

namespace gateway::proxy {
namespace {

void refuse(Admission& admission, core::Reason reason, std::string detail) {
  admission.reason = reason;
  admission.detail = std::move(detail);
}

std::string_view port_of(std::string_view authority) {
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return {};
  return authority.substr(colon);
}

// Host and an absolute-form target must name the same host: an upstream may look at either (RFC 9112 section 3.2.2).
bool read_host(const RequestHead& head, Admission& admission) {
  const auto field = head.fields.find("host");
  const std::string_view authority =
      admission.target.authority.empty() ? field.value_or("") : admission.target.authority;
  if (authority.empty()) return true;  // HTTP/1.0 may come without; whether a default host takes it is decided later
  if (!core::canonical_host(authority, admission.host)) {
    admission.host.clear();
    refuse(admission, core::Reason::bad_request, "malformed Host");
    return false;
  }
  if (!admission.target.authority.empty() && field && core::canonical_host(*field) != admission.host) {
    admission.host.clear();
    refuse(admission, core::Reason::bad_request, "Host and request-target disagree");
    return false;
  }
  admission.forwarded_host = admission.host;
  admission.forwarded_host += port_of(authority);
  return true;
}

// The virtual host that Host names must be the very one that the handshake chose, whatever name got the client there.
const VirtualHost* host_for(const AdmissionFacts& facts, Admission& admission) {
  const core::HostTable& table = *facts.listener->hosts;
  auto named = admission.host.empty() ? std::nullopt : table.find(admission.host);
  if (!named) named = table.default_host();
  if (!named || (facts.handshake_host && *named != *facts.handshake_host)) return nullptr;
  if (facts.listener->protocol == Protocol::https && !facts.handshake_host) return nullptr;
  return &facts.snapshot->virtual_hosts[*named];
}

// The handshake demanded one, and live connections are judged by it: this is in case either was wrong.
bool lacks_certificate(const AdmissionFacts& facts, const VirtualHost& host) {
  return host.tls && host.tls->client_auth == tls::ClientAuth::strict && facts.identity == nullptr;
}

bool authorise(const AdmissionFacts& facts, const RequestHead& head, Admission& admission) {
  const auto& policy = admission.virtual_host->policy;
  if (!policy) return true;
  const policy::RequestFacts request{.method = head.method,
                                     .path = admission.target.asterisk ? std::string_view("*") : admission.target.path,
                                     .host = admission.host,
                                     .source_ip = facts.source_ip};
  admission.decision = policy->judge(facts.identity, request);
  if (admission.decision->allow) return true;
  refuse(admission, admission.decision->reason, {});
  return false;
}

}  // namespace

void Admission::clear() {
  // Does not compile when a member is added that nobody clears.
  auto& [why, text, wanted, name, name_and_port, host_found, route_found, verdict, elsewhere] = *this;
  why = core::Reason::none;
  core::clear_for_reuse(text);
  wanted.clear();
  core::clear_for_reuse(name);
  core::clear_for_reuse(name_and_port);
  host_found = nullptr;
  route_found = nullptr;
  verdict.reset();
  elsewhere = false;
}

void admit(const AdmissionFacts& facts, const RequestHead& head, Admission& admission) {
  admission.clear();
  if (facts.barred != core::Reason::none) {
    if (facts.handshake_host) admission.virtual_host = &facts.snapshot->virtual_hosts[*facts.handshake_host];
    return refuse(admission, facts.barred, "the handshake was refused");
  }
  // Merging slashes is a property of the host, which is found by the target's authority or Host: parse without it
  // first.
  if (auto parsed = parse_request_target(head.method, head.target, true, admission.target); !parsed) {
    admission.target.clear();
    return refuse(admission, core::Reason::bad_request, std::move(parsed.error()));
  }
  if (!read_host(head, admission)) return;

  admission.virtual_host = host_for(facts, admission);
  if (admission.virtual_host == nullptr) {
    if (facts.listener->redirect_to_https && !admission.host.empty()) {
      admission.redirect = true;
      return;
    }
    return refuse(admission, core::Reason::wrong_host, "Host belongs to another virtual host than the connection");
  }
  if (!admission.virtual_host->merge_slashes) {
    if (auto parsed = parse_request_target(head.method, head.target, false, admission.target); !parsed)
      return refuse(admission, core::Reason::bad_request, std::move(parsed.error()));
  }
  if (lacks_certificate(facts, *admission.virtual_host)) {
    return refuse(admission, core::Reason::no_certificate, "no certificate where one is required");
  }
  if (!authorise(facts, head, admission)) return;

  const RouteTable& routes = admission.virtual_host->route_table;
  const auto route = admission.target.asterisk ? routes.root() : routes.find(admission.target.path);
  if (!route) return refuse(admission, core::Reason::no_route, {});
  admission.route = &admission.virtual_host->routes[*route];
  if (admission.route->require_authenticated && facts.identity == nullptr) {
    return refuse(admission, core::Reason::not_authenticated, "the route requires a client certificate");
  }
  if (admission.target.encoded_slash && !admission.route->keep_encoded_slashes) {
    return refuse(admission, core::Reason::bad_request, "encoded slash in the path");
  }
  if (admission.forwarded_host.empty()) {
    const std::string& name =
        admission.virtual_host->hosts.empty() ? admission.virtual_host->name : admission.virtual_host->hosts.front();
    admission.forwarded_host = name;
  }
}

}  // namespace gateway::proxy
