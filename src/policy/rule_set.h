#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "core/peer_identity.h"
#include "core/reason.h"
#include "policy/policy_spec.h"

namespace gateway::policy {

// What a policy sees of a request. Views live as long as the call.
struct RequestFacts {
  std::string_view method;
  std::string_view path;  // normalised, without the query: exactly what is forwarded
  std::string_view host;  // canonical (core::canonical_host)
  core::IpAddress source_ip;
};

struct Decision {
  bool allow = false;
  std::uint32_t rule = 0;  // index for RuleSet::rule_name; rule_count() stands for the policy's default
  core::Reason reason = core::Reason::policy_denied;  // none if allowed
};

// What is wrong with a spec, and where: the loader turns the indices into a line and a column.
struct SpecError {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t rule = kNone;
  std::size_t condition = kNone;
  std::size_t pattern = kNone;
  std::string message;
};

// How the rules were compiled, for `gatewayctl check`.
struct RuleSetStats {
  std::size_t rules = 0;
  std::size_t indexed = 0;     // found by hash or trie: their number does not change the cost of a decision
  std::size_t scanned = 0;     // looked at on every request (no indexable key)
  std::size_t most_alike = 0;  // the most indexed rules that are found together: their other conditions are
                               // expressions, or the same patterns
  std::size_t regexes = 0;     // matched by RE2::Set, in one pass per value
};

// A compiled policy: immutable, safe to use from any thread, no I/O and no clock.
class RuleSet {
 public:
  static std::expected<std::shared_ptr<const RuleSet>, std::vector<SpecError>> compile(const PolicySpec& spec);
  virtual ~RuleSet() = default;

  // The authoriser: a matching deny wins over every allow; of several matching rules of the winning effect the first in
  // the config is reported; if none matches the default decides. `identity` is null for an anonymous client, which no
  // certificate matcher matches. A default deny of an anonymous client has the reason not_authenticated.
  [[nodiscard]] virtual Decision judge(const core::PeerIdentity* identity, const RequestFacts& request) const = 0;

  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual std::size_t rule_count() const = 0;
  // "default" for rule_count().
  [[nodiscard]] virtual std::string_view rule_name(std::uint32_t rule) const = 0;
  [[nodiscard]] virtual RuleSetStats stats() const = 0;
};

}  // namespace gateway::policy
