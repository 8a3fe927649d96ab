#pragma once

#include <array>
#include <string>
#include <string_view>

#include "policy/policy_spec.h"

namespace gateway::policy {

// A value of a certificate or a request in the form in which patterns are compared with it:
// - dns_san, host: ASCII letters lower-case (RFC 4343), without the dot of the root;
// - email_san: the same for what stands behind the last '@', the mailbox as it is (RFC 5321 section 2.4);
// - serial: without leading zeros;
// - all others as they are.
// Most values need no copy, and those that do fit into the object: an ordinary decision allocates nothing.
class CanonicalValue {
 public:
  // `raw` must outlive this object.
  CanonicalValue(Matcher matcher, std::string_view raw);
  CanonicalValue(const CanonicalValue&) = delete;
  CanonicalValue& operator=(const CanonicalValue&) = delete;

  [[nodiscard]] std::string_view view() const { return view_; }

 private:
  void fold(std::string_view raw, std::size_t from);

  std::string_view view_;
  std::array<char, 256> short_;  // a DNS name has at most 253 bytes
  std::string long_;
};

}  // namespace gateway::policy
