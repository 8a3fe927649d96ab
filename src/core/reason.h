#pragma once

#include <cstdint>
#include <string_view>

namespace gateway::core {

// Why a handshake or a request was refused. One closed list: the same word stands in the access log, in metric labels
// and in gatewayctl. The order is part of nothing; names are.
enum class Reason : std::uint8_t {
  none,  // nothing was refused
  // Handshake
  no_certificate,
  unknown_ca,
  bad_signature,
  bad_chain,
  chain_too_deep,
  expired,
  not_yet_valid,
  revoked,
  crl_expired,
  crl_missing,
  ocsp_revoked,
  ocsp_unavailable,
  wrong_purpose,
  name_constraint,
  weak_key,
  malformed_certificate,
  unrecognized_name,
  protocol_version,
  no_shared_cipher,
  no_application_protocol,
  not_tls,
  plain_http,
  client_alert,
  // Request
  bad_request,
  too_large,
  wrong_host,
  no_route,
  policy_denied,
  not_authenticated,
  rate_limited,
  upstream_connect,
  upstream_timeout,
  upstream_reset,
  upstream_bad_response,
  no_endpoint,
  // Either
  client_closed,
  timeout,
  draining,
  connection_limit,
  internal,
};

inline constexpr std::size_t kReasonCount = static_cast<std::size_t>(Reason::internal) + 1;

// Whether `reason` finds fault with the certificate that a client showed, or should have shown.
bool is_about_client_certificate(Reason reason) noexcept;

// The word of `reason`; "none" for Reason::none. The view is to static storage.
std::string_view to_string(Reason reason) noexcept;

}  // namespace gateway::core
