#include <fmt/format.h>

#include <array>

#include "config/quote.h"
#include "config/scalar.h"
#include "config/sections.h"
#include "config/suggestion.h"

namespace gateway::config {
namespace {

using tls::ClientAuth;

constexpr std::array<std::string_view, 3> kModes{"strict", "optional", "off"};

// YAML 1.1 tools write `off` as false; `true` could mean either of two modes.
void decode_client_auth(Decoder& decoder, const Node& node, TlsConfig& tls) {
  tls.client_auth_is_stated = true;
  tls.client_auth_at = node.at;
  const auto text = decoder.word(node, "strict, optional or off");
  if (!text) return;
  if (text->value == "strict" || text->value == "optional") {
    tls.client_auth = text->value == "strict" ? ClientAuth::strict : ClientAuth::optional;
    return;
  }
  const auto as_boolean = parse_boolean(text->value);
  if (as_boolean == false) {
    tls.client_auth = ClientAuth::off;
  } else if (as_boolean == true) {
    decoder.sink().error(
        text->at, text->value,
        fmt::format("'client_auth: {}' could mean two modes; write strict (a certificate is required) or optional",
                    escaped(text->value)));
  } else {
    decoder.sink().error(text->at, text->value,
                         fmt::format("expected strict, optional or off, found {}{}", in_quotes(text->value),
                                     suggestion(text->value, kModes)));
  }
}

constexpr std::array<std::pair<std::string_view, tls::OnRefusal>, 2> kRefusals{
    {{"alert", tls::OnRefusal::alert}, {"http", tls::OnRefusal::http}}};

VirtualHostConfig decode_virtual_host(Decoder& decoder, const Node& node, std::size_t number) {
  Fields fields(decoder, node, kVirtualHostKeys);
  VirtualHostConfig host;
  host.at = node.at;
  if (const Node* hosts = fields.find("hosts")) host.hosts = decoder.words(*hosts, "a host name");
  if (const Node* is_default = fields.find("default")) {
    assign(host.is_default, decoder.boolean(*is_default));
    host.default_at = is_default->at;
  }
  // Without a name it goes by what it answers for.
  host.name = {!host.hosts.empty() ? host.hosts.front().value
               : host.is_default   ? "default"
                                   : fmt::format("virtual host {}", number),
               node.at};
  if (const Node* name = fields.find("name")) assign(host.name, decoder.name(*name, "a name"));
  if (const Node* lax = fields.find("allow_lax_default")) assign(host.allow_lax_default, decoder.boolean(*lax));
  if (const Node* listeners = fields.find("listeners")) {
    host.listeners = decoder.words(*listeners, "the name of a listener");
    if (listeners->is(Node::Kind::sequence) && listeners->items.empty()) {
      decoder.sink().error(listeners->at, "",
                           "an empty list leaves no listener; leave 'listeners' out for all that fit");
    }
  }
  if (const Node* tls = fields.find("tls")) host.tls = decode_tls(decoder, *tls);
  if (const Node* policy = fields.find("policy")) host.policy = decoder.word(*policy, "the name of a policy");
  if (const Node* merge = fields.find("merge_slashes")) assign(host.merge_slashes, decoder.boolean(*merge));
  host.settings = decode_route_settings(decoder, fields, kHostTimeoutKeys);
  if (const Node* routes = fields.require("routes", "what it answers ('- path: /*')")) {
    for (const Node& route : decoder.list(*routes, "a list of routes ('- path: /*')")) {
      host.routes.push_back(decode_route(decoder, route));
    }
    if (routes->is(Node::Kind::sequence) && routes->items.empty()) {
      decoder.sink().error(routes->at, "", "a virtual host needs at least one route ('- path: /*')");
    }
  }
  return host;
}

}  // namespace

TlsConfig decode_tls(Decoder& decoder, const Node& node) {
  TlsConfig tls;
  tls.at = tls.client_auth_at = node.at;
  Fields fields(decoder, node, kTlsKeys);
  tls.certificates = decode_certificates(decoder, fields);
  if (const Node* mode = fields.find("client_auth")) decode_client_auth(decoder, *mode, tls);
  if (const Node* trust = fields.find("trust")) tls.trust = decoder.word(*trust, "the name of a trust set");
  if (const Node* stapling = fields.find("stapling")) tls.stapling = decode_stapling(decoder, *stapling);
  if (const Node* refusal = fields.find("on_refusal")) {
    assign(tls.on_refusal, decoder.choice<tls::OnRefusal>(*refusal, kRefusals));
    tls.on_refusal_at = refusal->at;
  }
  if (const Node* session = fields.find("session")) tls.session = decode_host_session(decoder, *session);
  decode_tls_settings(decoder, fields, tls);
  return tls;
}

void decode_virtual_hosts(Decoder& decoder, const Node& node, Config& config) {
  for (const Node& item : decoder.list(node, "a list of virtual hosts ('- hosts: [api.example.com]')")) {
    config.virtual_hosts.push_back(decode_virtual_host(decoder, item, config.virtual_hosts.size() + 1));
  }
  if (node.is(Node::Kind::sequence) && node.items.empty()) {
    decoder.sink().error(node.at, "", "'virtual_hosts' needs at least one entry ('- hosts: [api.example.com]')");
  }
}

}  // namespace gateway::config
