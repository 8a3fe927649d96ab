#pragma once

#include <span>
#include <string_view>

namespace gateway::config {

// The keys of one kind of mapping. `planned`: words that design and habit suggest but that this version does not have;
// they are refused as such, so that nobody takes them for working.
struct KeyTable {
  std::string_view what;  // "a listener"
  std::span<const std::string_view> keys;
  std::span<const std::string_view> planned;
  // Keys that another mapping has, and where: "the top-level 'limits'".
  std::span<const std::string_view> elsewhere{};
  std::string_view where{};
};

extern const KeyTable kRootKeys;
extern const KeyTable kListenerKeys;
extern const KeyTable kTrustKeys;
extern const KeyTable kRevocationKeys;
extern const KeyTable kOcspKeys;
extern const KeyTable kOnExpiredKeys;
extern const KeyTable kPolicyKeys;
extern const KeyTable kRuleKeys;
extern const KeyTable kMatcherKeys;
extern const KeyTable kVirtualHostKeys;
extern const KeyTable kTlsKeys;
extern const KeyTable kCertificateKeys;
extern const KeyTable kPassphraseKeys;
extern const KeyTable kPkcs11Keys;
extern const KeyTable kStaplingKeys;
extern const KeyTable kRouteKeys;
extern const KeyTable kHeadersKeys;
extern const KeyTable kRespondKeys;
extern const KeyTable kUpstreamKeys;
extern const KeyTable kPoolKeys;
extern const KeyTable kHealthCheckKeys;
extern const KeyTable kTimeoutKeys;
extern const KeyTable kHostTimeoutKeys;
extern const KeyTable kRouteTimeoutKeys;
extern const KeyTable kLimitKeys;
extern const KeyTable kRouteLimitKeys;
extern const KeyTable kForwardingKeys;
extern const KeyTable kAccessLogKeys;
extern const KeyTable kAdminKeys;
extern const KeyTable kSessionKeys;
extern const KeyTable kHostSessionKeys;

// Planned, and not tied to one mapping.
extern const std::span<const std::string_view> kPlannedEverywhere;

// All of them, for the test that holds the documentation to the decoder.
std::span<const KeyTable* const> all_key_tables();

}  // namespace gateway::config
