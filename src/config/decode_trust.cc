#include "config/sections.h"

namespace gateway::config {
namespace {

constexpr std::uint64_t kDeepestChain = 100;

TrustConfig decode_trust_set(Decoder& decoder, const Node& node, Text name) {
  Fields fields(decoder, node, kTrustKeys);
  TrustConfig trust;
  trust.name = std::move(name);
  if (const Node* ca = fields.require("ca", "the files with the certificates of the client CAs")) {
    trust.ca = decoder.words(*ca, "the path of a certificate file");
    if (ca->is(Node::Kind::sequence) && ca->items.empty()) {
      decoder.sink().error(ca->at, "", "at least one CA file is needed: an empty trust set would refuse every client");
    }
  }
  if (const Node* crl = fields.find("crl")) trust.crl = decoder.words(*crl, "the path of a CRL file");
  if (const Node* depth = fields.find("depth")) {
    if (const auto number = decoder.number(*depth, 0, kDeepestChain)) trust.depth = static_cast<unsigned>(*number);
  }
  if (const Node* revocation = fields.find("revocation")) {
    Fields inner(decoder, *revocation, kRevocationKeys);
    trust.revocation_at = revocation->at;
    if (const Node* require = inner.find("require")) {
      assign(trust.require_revocation, decoder.boolean(*require));
      trust.revocation_is_stated = true;
      trust.revocation_at = require->at;
    }
  }
  if (const Node* names = fields.find("send_ca_names")) assign(trust.send_ca_names, decoder.boolean(*names));
  if (const Node* strict = fields.find("strict_profile")) assign(trust.strict_profile, decoder.boolean(*strict));
  return trust;
}

}  // namespace

void decode_trust(Decoder& decoder, const Node& node, Config& config) {
  for (const NodeEntry& entry :
       decoder.named_entries(node, "a mapping of trust sets ('partners: {ca: [pki/ca.pem]}')")) {
    if (auto name = decoder.key_as_name(entry, "a name")) {
      config.trust.push_back(decode_trust_set(decoder, entry.value, std::move(*name)));
    }
  }
}

}  // namespace gateway::config
