#include <array>

#include "config/address.h"
#include "config/sections.h"

namespace gateway::config {
namespace {

enum class WrittenProtocol : std::uint8_t { https, http, tcp };
constexpr std::array<std::pair<std::string_view, WrittenProtocol>, 3> kProtocols{
    {{"https", WrittenProtocol::https}, {"http", WrittenProtocol::http}, {"tcp", WrittenProtocol::tcp}}};

void decode_protocol(Decoder& decoder, const Node& node, ListenerConfig& listener) {
  const auto protocol = decoder.choice<WrittenProtocol>(node, kProtocols);
  if (!protocol) return;
  if (*protocol == WrittenProtocol::tcp) {
    decoder.sink().error(node.at, "tcp", "'protocol: tcp': not in this version; https and http are");
  }
  listener.protocol = *protocol == WrittenProtocol::http ? proxy::Protocol::http : proxy::Protocol::https;
}

ListenerConfig decode_listener(Decoder& decoder, const Node& node, bool& complete) {
  Fields fields(decoder, node, kListenerKeys);
  ListenerConfig listener;
  listener.at = node.at;
  if (const Node* bind = fields.require("bind", "an address and a port, such as 0.0.0.0:8443")) {
    if (auto text = decoder.word(*bind, "an address and a port, such as 0.0.0.0:8443")) {
      if (const auto address = parse_socket_address(text->value)) {
        listener.address = *address;
      } else {
        decoder.reject(*text, address.error());
      }
      listener.bind = listener.name = std::move(*text);
    }
  }
  if (const Node* name = fields.find("name")) assign(listener.name, decoder.name(*name, "a name"));
  if (const Node* protocol = fields.find("protocol")) decode_protocol(decoder, *protocol, listener);
  if (const Node* http2 = fields.find("http2")) {
    if (decoder.boolean(*http2).value_or(false)) {
      decoder.sink().error(http2->at, http2->text, "'http2: true': not in this version; leave it out or write false");
    }
  }
  if (const Node* redirect = fields.find("redirect_to_https")) {
    assign(listener.redirect_to_https, decoder.boolean(*redirect));
    listener.redirect_at = redirect->at;
  }
  complete = listener.address.port != 0;
  return listener;
}

}  // namespace

void decode_listeners(Decoder& decoder, const Node& node, Config& config) {
  for (const Node& item : decoder.list(node, "a list of listeners ('- bind: 0.0.0.0:8443')")) {
    bool complete = false;
    config.listeners.push_back(decode_listener(decoder, item, complete));
    config.listeners_are_complete = config.listeners_are_complete && complete;
  }
  if (config.listeners.empty()) config.listeners_are_complete = false;
  if (node.is(Node::Kind::sequence) && node.items.empty()) {
    decoder.sink().error(node.at, "", "'listeners' needs at least one entry ('- bind: 0.0.0.0:8443')");
  }
}

}  // namespace gateway::config
