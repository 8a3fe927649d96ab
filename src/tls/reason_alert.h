#pragma once

#include "core/reason.h"

namespace gateway::tls {

// How a refused certificate is told to the client (RFC 8446 section 6.2). OpenSSL 3.0 derives the alert from an
// X509_V_ERR_* code, by a table of its own that we don't rely on: `error` is a code that gives exactly `alert`.
struct CertificateAlert {
  int error = 0;  // X509_V_ERR_*
  int alert = 0;  // SSL_AD_*
};

// For every reason that judging a certificate can give; whatever else is told as certificate_unknown.
CertificateAlert certificate_alert(core::Reason reason) noexcept;

// The reason for an error that X509_verify_cert() found.
core::Reason reason_of_verify_error(int error) noexcept;

// The reason for a failed handshake that none of our callbacks explained. `code` is the oldest OpenSSL error.
core::Reason reason_of_handshake_error(unsigned long code) noexcept;

// The TLS alert that the peer sent, if that is what `code` says; else -1.
int peer_alert_of(unsigned long code) noexcept;

}  // namespace gateway::tls
