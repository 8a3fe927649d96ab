#include "config/sections.h"

namespace gateway::config {

// true, false, or {responder, issuer}.
std::optional<StaplingConfig> decode_stapling(Decoder& decoder, const Node& node) {
  StaplingConfig stapling;
  stapling.at = node.at;
  if (!node.is(Node::Kind::mapping)) {
    const auto on = decoder.boolean(node);
    return on && *on ? std::optional(stapling) : std::nullopt;
  }
  Fields fields(decoder, node, kStaplingKeys);
  if (const Node* responder = fields.find("responder")) {
    if (const auto text = decoder.word(*responder, "the http URL of an OCSP responder")) {
      const auto url = core::HttpUrl::parse(text->value);
      if (url) {
        stapling.responder = *url;
      } else {
        decoder.sink().error(text->at, text->value, "expected the http URL of an OCSP responder: " + url.error());
      }
    }
  }
  if (const Node* issuer = fields.find("issuer")) {
    stapling.issuer = decoder.word(*issuer, "the path of a certificate file");
  }
  return stapling;
}

}  // namespace gateway::config
