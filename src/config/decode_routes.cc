#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/quote.h"
#include "config/scalar.h"
#include "config/sections.h"
#include "proxy/forwarding_headers.h"

namespace gateway::config {
namespace {

// Framing, routing and connection state: the gateway's own to write (RFC 9112, RFC 9110 section 7.6.1).
constexpr std::array<std::string_view, 11> kOwnFields{
    "host",    "content-length", "transfer-encoding", "connection", "keep-alive",    "te",
    "trailer", "upgrade",        "proxy-connection",  "expect",     "http2-settings"};

bool check_field_name(Decoder& decoder, const Text& name) {
  if (!is_token(name.value)) {
    decoder.reject(name, "the name of a header field (letters, digits and '-')");
    return false;
  }
  const std::string folded = proxy::fold_field_name(name.value);
  if (std::ranges::find(kOwnFields, std::string_view(folded)) == kOwnFields.end()) return true;
  decoder.sink().error(
      name.at, name.value,
      fmt::format("{} is written by the gateway itself and can't be set or removed here", in_quotes(name.value)));
  return false;
}

void decode_field_to_set(Decoder& decoder, const NodeEntry& entry, RouteConfig& route) {
  const Text name{entry.key, entry.key_at};
  const bool is_named = check_field_name(decoder, name);
  const auto value = decoder.text(entry.value, "a value for the header field", Variables::for_header_value);
  if (!value || !is_named) return;
  const auto same = std::ranges::find_if(route.set, [&](const HeaderToSet& other) {
    return proxy::fold_field_name(other.name.value) == proxy::fold_field_name(name.value);
  });
  if (same != route.set.end()) {
    decoder.sink().error(name.at, name.value,
                         fmt::format("{} and {} are one field to applications; set one of them", in_quotes(name.value),
                                     in_quotes(same->name.value)));
    return;
  }
  if (!is_field_value(value->value)) {
    decoder.reject(*value, "a header value without line breaks, control bytes or spaces around it");
    return;
  }
  auto parsed = proxy::HeaderTemplate::parse(value->value);
  if (!parsed) {
    decoder.sink().error(value->at, value->value, parsed.error());
    return;
  }
  route.set.push_back({name, std::move(*parsed)});
}

void decode_headers(Decoder& decoder, const Node& node, RouteConfig& route) {
  const Fields fields(decoder, node, kHeadersKeys);
  if (const Node* set = fields.find("set")) {
    for (const NodeEntry& entry :
         decoder.named_entries(*set, "a mapping of header fields ('X-Client: \"${client.cn}\"')")) {
      decode_field_to_set(decoder, entry, route);
    }
  }
  if (const Node* remove = fields.find("remove")) {
    for (Text& name : decoder.words(*remove, "the name of a header field")) {
      if (check_field_name(decoder, name)) route.remove.push_back(std::move(name));
    }
  }
}

bool status_has_body(unsigned status) {
  return status != 204 && status != 304;
}

void decode_respond(Decoder& decoder, const Node& node, RouteConfig& route) {
  route.action = proxy::RouteAction::respond;
  if (node.is(Node::Kind::scalar)) {
    const auto text = decoder.word(node, "echo or a mapping with status and body");
    if (!text) return;
    if (text->value != "echo") decoder.reject(*text, "echo or a mapping with status and body");
    route.action = proxy::RouteAction::echo;
    return;
  }
  const Fields fields(decoder, node, kRespondKeys);
  if (!fields.is_mapping()) return;
  if (const Node* status = fields.find("status")) {
    if (const auto number = decoder.number(*status, 200, 599)) route.status = static_cast<unsigned>(*number);
  }
  if (const Node* body = fields.find("body")) {
    if (auto text = decoder.text(*body, "the text of the body")) route.body = std::move(text->value);
    if (!route.body.empty() && !status_has_body(route.status)) {
      decoder.sink().error(body->at, body->text, fmt::format("a response with status {} has no body", route.status));
    }
  }
  if (const Node* type = fields.find("content_type")) {
    if (auto text = decoder.word(*type, "a media type such as text/plain")) {
      if (!is_field_value(text->value) || text->value.find('/') == std::string::npos) {
        decoder.reject(*text, "a media type such as text/plain");
      } else {
        route.content_type = std::move(text->value);
      }
    }
  }
}

proxy::IdentityHeaders decode_identity_headers(Decoder& decoder, const Node& node) {
  proxy::IdentityHeaders headers;
  constexpr std::string_view kExpected = "client-cert or xfcc";
  for (const Text& word : decoder.words(node, kExpected)) {
    if (word.value == "client-cert") {
      headers.client_cert = true;
    } else if (word.value == "xfcc") {
      headers.xfcc = true;
    } else {
      decoder.reject(word, kExpected);
    }
  }
  return headers;
}

constexpr std::array<std::pair<std::string_view, Requirement>, 2> kRequirements{
    {{"authenticated", Requirement::authenticated}, {"none", Requirement::none}}};

constexpr std::array<std::pair<std::string_view, bool>, 2> kEncodedSlashes{{{"reject", false}, {"keep", true}}};

}  // namespace

RouteSettings decode_route_settings(Decoder& decoder, const Fields& fields, const KeyTable& timeout_keys) {
  RouteSettings settings;
  if (const Node* timeouts = fields.find("timeouts"))
    settings.timeouts = decode_timeouts(decoder, *timeouts, timeout_keys);
  if (const Node* forwarding = fields.find("forwarding")) settings.forwarding = decode_forwarding(decoder, *forwarding);
  if (const Node* identity = fields.find("identity_headers")) {
    settings.identity_headers = decode_identity_headers(decoder, *identity);
  }
  if (const Node* slashes = fields.find("encoded_slashes")) {
    settings.keep_encoded_slashes = decoder.choice<bool>(*slashes, kEncodedSlashes);
  }
  if (const Node* requires_client = fields.find("require")) {
    settings.requires_client = decoder.choice<Requirement>(*requires_client, kRequirements);
    settings.requires_client_at = {requires_client->text, requires_client->at};
  }
  if (const Node* limits = fields.find("limits")) {
    const Fields inner(decoder, *limits, kRouteLimitKeys);
    if (const Node* body = inner.find("body")) settings.body_bytes = decoder.size(*body, 1, kLargestBodyBytes);
  }
  return settings;
}

RouteConfig decode_route(Decoder& decoder, const Node& node) {
  RouteConfig route;
  route.at = node.at;
  Fields fields(decoder, node, kRouteKeys);
  if (!fields.is_mapping()) return route;
  if (const Node* path = fields.require("path", "such as /* or /v1/*")) {
    route.path.at = path->at;
    assign(route.path, decoder.word(*path, "a path such as /* or /v1/*"));
  }
  const Node* upstream = fields.find("upstream");
  const Node* respond = fields.find("respond");
  if (upstream != nullptr && respond != nullptr) {
    decoder.sink().error(fields.key_position("respond"), "respond",
                         "a route has either 'upstream' or 'respond', not both");
  } else if (upstream == nullptr && respond == nullptr) {
    decoder.sink().error(node.at, "", "a route needs 'upstream' or 'respond'");
  }
  if (upstream != nullptr) route.upstream = decoder.word(*upstream, "the name of an upstream");
  if (respond != nullptr) decode_respond(decoder, *respond, route);
  if (const Node* headers = fields.find("headers")) decode_headers(decoder, *headers, route);
  route.settings = decode_route_settings(decoder, fields, kRouteTimeoutKeys);
  return route;
}

}  // namespace gateway::config
