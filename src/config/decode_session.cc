#include "config/sections.h"

namespace gateway::config {
namespace {

// Whole seconds, and no more than RFC 8446 section 4.6.1 lets a ticket live.
std::optional<std::chrono::seconds> decode_lifetime(Decoder& decoder, const Node& node) {
  const auto duration = decoder.duration(node);
  if (!duration) return std::nullopt;
  if (*duration < std::chrono::seconds(1) || *duration > core::kMaxSessionLifetime) {
    decoder.reject(node, "a duration from 1s to 7d");
    return std::nullopt;
  }
  return std::chrono::floor<std::chrono::seconds>(*duration);
}

using Store = std::optional<tls::SessionStore>;
constexpr std::array<std::pair<std::string_view, Store>, 3> kStores{
    {{"auto", std::nullopt}, {"process", tls::SessionStore::process}, {"tickets", tls::SessionStore::tickets}}};

}  // namespace

HostSessionConfig decode_host_session(Decoder& decoder, const Node& node) {
  HostSessionConfig session;
  const Fields fields(decoder, node, kHostSessionKeys);
  if (const Node* lifetime = fields.find("lifetime")) session.lifetime = decode_lifetime(decoder, *lifetime);
  if (const Node* tickets = fields.find("tickets")) session.tickets = decoder.boolean(*tickets);
  return session;
}

void decode_session(Decoder& decoder, const Node& node, Config& config) {
  const Fields fields(decoder, node, kSessionKeys);
  if (const Node* lifetime = fields.find("lifetime"))
    assign(config.session.lifetime, decode_lifetime(decoder, *lifetime));
  if (const Node* tickets = fields.find("tickets")) assign(config.session.tickets, decoder.boolean(*tickets));
  const Node* store = fields.find("store");
  if (store != nullptr) assign(config.session.store, decoder.choice<Store>(*store, kStores));
  if (const Node* capacity = fields.find("capacity")) {
    assign(config.session.capacity, decoder.number(*capacity, 1, core::kMaxSessionCapacity));
  }
  if (const Node* keys = fields.find("ticket_keys")) {
    config.session.ticket_keys = decoder.words(*keys, "the path of a ticket key file");
    if (keys->is(Node::Kind::sequence) && keys->items.empty()) {
      decoder.sink().error(keys->at, "",
                           "an empty list has no key; leave 'ticket_keys' out for the gateway's own keys");
    }
    if (config.session.store == tls::SessionStore::process) {
      decoder.sink().error(
          keys->at, "",
          "'store: process' seals no tickets, so that 'ticket_keys' would open nothing on any replica; "
          "leave one of the two out");
    }
  }
}

void inherit_session(Config& config) {
  for (VirtualHostConfig& host : config.virtual_hosts) {
    if (!host.tls) continue;
    HostSessionConfig& own = host.tls->session;
    own.lifetime = own.lifetime.value_or(config.session.lifetime);
    own.tickets = own.tickets.value_or(config.session.tickets);
    own.store = config.session.chosen_store();
  }
}

}  // namespace gateway::config
