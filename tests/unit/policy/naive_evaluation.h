#pragma once

#include "core/peer_identity.h"
#include "policy/policy_spec.h"
#include "policy/rule_set.h"

namespace gateway::policy::testing {

// The meaning of a policy, read straight from its text, rule by rule and value by value: slow, plain, and sharing no
// code with the engine. Patterns are taken to be valid.
Decision naive_judge(const PolicySpec& spec, const core::PeerIdentity* identity, const RequestFacts& request);

}  // namespace gateway::policy::testing
