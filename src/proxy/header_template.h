#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "core/peer_identity.h"

namespace gateway::proxy {

// What the variables of a header value stand for, for one request. All views live as long as the call.
struct RequestVariables {
  const core::PeerIdentity* identity = nullptr;  // null: anonymous
  std::string_view tls_version{};                // "" on a plain listener
  std::string_view tls_cipher{};
  std::string_view tls_sni{};
  bool tls_resumed = false;
  std::string_view source_ip{};
  std::string_view request_id{};
  std::string_view policy_rule{};
};

// A header value with ${variables}, as design.md lists them (client.verify, client.subject_dn, ...). Immutable.
class HeaderTemplate {
 public:
  // Error: what is wrong, e.g. an unknown variable with the nearest known one.
  static std::expected<HeaderTemplate, std::string> parse(std::string_view text);
  // Appends the value. Whatever a variable brings is escaped so that it is one valid field value (RFC 9110
  // section 5.5).
  void render(const RequestVariables& variables, std::string& out) const;
  [[nodiscard]] bool has_variables() const;
  friend bool operator==(const HeaderTemplate&, const HeaderTemplate&) = default;

 private:
  struct Part {
    std::string literal;
    std::uint8_t variable = 0;  // 0: the literal
    friend bool operator==(const Part&, const Part&) = default;
  };
  std::vector<Part> parts_;
};

}  // namespace gateway::proxy
