#include "core/reason.h"

#include <array>

namespace gateway::core {
namespace {
constexpr std::array<std::string_view, kReasonCount> kWords = {
    "none",
    "no_certificate",
    "unknown_ca",
    "bad_signature",
    "bad_chain",
    "chain_too_deep",
    "expired",
    "not_yet_valid",
    "revoked",
    "crl_expired",
    "crl_missing",
    "ocsp_revoked",
    "ocsp_unavailable",
    "wrong_purpose",
    "name_constraint",
    "weak_key",
    "malformed_certificate",
    "unrecognized_name",
    "protocol_version",
    "no_shared_cipher",
    "no_application_protocol",
    "not_tls",
    "plain_http",
    "client_alert",
    "bad_request",
    "too_large",
    "wrong_host",
    "no_route",
    "policy_denied",
    "not_authenticated",
    "rate_limited",
    "upstream_connect",
    "upstream_timeout",
    "upstream_reset",
    "upstream_bad_response",
    "no_endpoint",
    "client_closed",
    "timeout",
    "draining",
    "connection_limit",
    "internal",
};
static_assert(!kWords.back().empty(), "every reason needs a word");
}  // namespace

bool is_about_client_certificate(Reason reason) noexcept {
  switch (reason) {
    case Reason::no_certificate:
    case Reason::unknown_ca:
    case Reason::bad_signature:
    case Reason::bad_chain:
    case Reason::chain_too_deep:
    case Reason::expired:
    case Reason::not_yet_valid:
    case Reason::revoked:
    case Reason::crl_expired:
    case Reason::crl_missing:
    case Reason::ocsp_revoked:
    case Reason::ocsp_unavailable:
    case Reason::wrong_purpose:
    case Reason::name_constraint:
    case Reason::weak_key:
    case Reason::malformed_certificate:
      return true;
    default:
      return false;
  }
}

std::string_view to_string(Reason reason) noexcept {
  return kWords[static_cast<std::size_t>(reason)];
}

}  // namespace gateway::core
