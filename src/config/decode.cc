#include "config/decode.h"

#include <array>
#include <utility>

#include "config/sections.h"
#include "config/yaml_document.h"

namespace gateway::config {

std::optional<Config> decode(std::string_view text, DiagnosticSink& sink, const Environment& environment) {
  const std::optional<Node> root = parse_yaml(text, sink);
  if (!root) return std::nullopt;
  Config config;
  Decoder decoder(sink, environment);
  Fields fields(decoder, *root, kRootKeys);
  config.listeners_are_complete = fields.require("listeners") != nullptr;
  fields.require("virtual_hosts");
  using Section = void (*)(Decoder&, const Node&, Config&);
  constexpr std::array<std::pair<std::string_view, Section>, 13> kSections{{
      {"workers", decode_workers},
      {"listeners", decode_listeners},
      {"trust", decode_trust},
      {"policies", decode_policies},
      {"virtual_hosts", decode_virtual_hosts},
      {"upstreams", decode_upstreams},
      {"limits", decode_limits},
      {"trusted_proxies", decode_trusted_proxies},
      {"access_log", decode_access_log},
      {"admin", decode_admin},
      {"pkcs11", decode_pkcs11},
      {"state_directory", decode_state_directory},
      {"session", decode_session},
  }};
  for (const auto& [key, decode_section] : kSections) {
    if (const Node* node = fields.find(key)) decode_section(decoder, *node, config);
  }
  if (const Node* node = fields.find("timeouts")) config.timeouts = decode_timeouts(decoder, *node, kTimeoutKeys);
  if (const Node* node = fields.find("watch")) decode_watch(decoder, *node, config);
  if (const Node* node = fields.find("forwarding")) config.forwarding = decode_forwarding(decoder, *node);
  inherit_session(config);
  return config;
}

}  // namespace gateway::config
