#include <array>

#include "config/sections.h"

namespace gateway::config {
namespace {

constexpr std::uint64_t kDeepestChain = 100;
constexpr std::chrono::seconds kShortestRefresh{1};
constexpr std::chrono::hours kLongestRefresh{168};

constexpr std::array<std::pair<std::string_view, tls::RevocationScope>, 2> kScopes{
    {{"chain", tls::RevocationScope::chain}, {"leaf", tls::RevocationScope::leaf}}};

// `reject`, or {grace: 24h}.
void decode_on_expired(Decoder& decoder, const Node& node, TrustConfig& trust) {
  constexpr std::string_view kExpected = "reject or a grace, as in {grace: 24h}";
  if (!node.is(Node::Kind::mapping)) {
    const auto word = decoder.text(node, kExpected);
    if (word && word->value != "reject") decoder.reject(*word, kExpected);
    return;
  }
  Fields fields(decoder, node, kOnExpiredKeys);
  if (const Node* grace = fields.require("grace", "how long an expired CRL still counts")) {
    assign(trust.crl_grace, decoder.duration(*grace));
  }
}

void decode_refresh(Decoder& decoder, const Node& node, TrustConfig& trust) {
  const auto interval = decoder.duration(node);
  if (!interval) return;
  if (*interval < kShortestRefresh || *interval > kLongestRefresh) {
    return decoder.reject(node, "how often the URLs in 'crl' are fetched, from 1s to 168h");
  }
  trust.crl_refresh = *interval;
}

void decode_revocation(Decoder& decoder, const Node& node, TrustConfig& trust) {
  Fields fields(decoder, node, kRevocationKeys);
  trust.revocation_at = node.at;
  if (const Node* require = fields.find("require")) {
    assign(trust.require_revocation, decoder.boolean(*require));
    trust.revocation_is_stated = true;
    trust.revocation_at = require->at;
  }
  if (const Node* scope = fields.find("scope")) {
    assign(trust.revocation_scope, decoder.choice<tls::RevocationScope>(*scope, kScopes));
  }
  if (const Node* on_expired = fields.find("on_expired")) decode_on_expired(decoder, *on_expired, trust);
  if (const Node* refresh = fields.find("refresh")) decode_refresh(decoder, *refresh, trust);
  if (const Node* ocsp = fields.find("ocsp")) {
    trust.ocsp = decode_ocsp(decoder, *ocsp);
    if (trust.ocsp.mode) trust.revocation_is_stated = true;
  }
}

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
  if (const Node* crl = fields.find("crl")) {
    trust.crl = decoder.words(*crl, "the path of a CRL file or folder, or an http URL");
  }
  if (const Node* depth = fields.find("depth")) {
    if (const auto number = decoder.number(*depth, 0, kDeepestChain)) trust.depth = static_cast<unsigned>(*number);
  }
  if (const Node* revocation = fields.find("revocation")) decode_revocation(decoder, *revocation, trust);
  if (const Node* anchors = fields.find("anchors")) {
    static constexpr std::array<std::pair<std::string_view, bool>, 2> kAnchors{{{"roots", false}, {"any", true}}};
    assign(trust.partial_chains, decoder.choice<bool>(*anchors, kAnchors));
  }
  if (const Node* usage = fields.find("extended_key_usage")) {
    static constexpr std::array<std::pair<std::string_view, bool>, 2> kUsage{
        {{"required", true}, {"if_present", false}}};
    assign(trust.require_client_purpose, decoder.choice<bool>(*usage, kUsage));
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
