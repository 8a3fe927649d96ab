#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gateway::policy {

enum class Effect : std::uint8_t { deny, allow };

// What a condition looks at: facts of the verified certificate, then facts of the request.
enum class Matcher : std::uint8_t {
  cn,
  ou,
  o,
  dns_san,
  uri_san,
  email_san,
  ip_san,
  issuer_cn,
  serial,
  fingerprint,
  authenticated,
  method,
  path,
  host,
  source_ip,
};

// One key of a rule's `when:`; it matches if any of `patterns` matches any value that the client has of that kind.
struct Condition {
  Matcher matcher{};
  std::vector<std::string> patterns;  // as written in the config; authenticated takes "true" or "false"
};

struct RuleSpec {
  std::string name;
  Effect effect = Effect::deny;
  std::vector<Condition> when;  // all must match; empty matches every request
};

struct PolicySpec {
  std::string name;
  Effect default_effect = Effect::deny;
  std::vector<RuleSpec> rules;
};

}  // namespace gateway::policy
