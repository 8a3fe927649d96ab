#include "tls/reason_alert.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>

namespace gateway::tls {
namespace {

using core::Reason;

struct AlertRow {
  Reason reason;
  CertificateAlert told;
};

// "expired or not currently valid" is one alert in RFC 8446; signatures that don't verify are bad_certificate, a CA
// that can't be matched with an anchor is unknown_ca.
constexpr std::array kAlerts = {
    AlertRow{Reason::expired, {X509_V_ERR_CERT_HAS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED}},
    AlertRow{Reason::not_yet_valid, {X509_V_ERR_CERT_HAS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED}},
    AlertRow{Reason::revoked, {X509_V_ERR_CERT_REVOKED, SSL_AD_CERTIFICATE_REVOKED}},
    AlertRow{Reason::unknown_ca, {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, SSL_AD_UNKNOWN_CA}},
    AlertRow{Reason::wrong_purpose, {X509_V_ERR_INVALID_PURPOSE, SSL_AD_UNSUPPORTED_CERTIFICATE}},
    AlertRow{Reason::bad_signature, {X509_V_ERR_CERT_REJECTED, SSL_AD_BAD_CERTIFICATE}},
    AlertRow{Reason::bad_chain, {X509_V_ERR_CERT_REJECTED, SSL_AD_BAD_CERTIFICATE}},
    AlertRow{Reason::chain_too_deep, {X509_V_ERR_CERT_REJECTED, SSL_AD_BAD_CERTIFICATE}},
    AlertRow{Reason::name_constraint, {X509_V_ERR_CERT_REJECTED, SSL_AD_BAD_CERTIFICATE}},
    AlertRow{Reason::weak_key, {X509_V_ERR_CERT_REJECTED, SSL_AD_BAD_CERTIFICATE}},
    AlertRow{Reason::malformed_certificate, {X509_V_ERR_CERT_REJECTED, SSL_AD_BAD_CERTIFICATE}},
    AlertRow{Reason::internal, {X509_V_ERR_OUT_OF_MEM, SSL_AD_INTERNAL_ERROR}},
};

// A code that OpenSSL's table doesn't know is told as certificate_unknown: "some other issue rendered it unacceptable".
constexpr CertificateAlert kOther{X509_V_ERR_OCSP_VERIFY_NEEDED, SSL_AD_CERTIFICATE_UNKNOWN};

struct VerifyRow {
  int error;
  Reason reason;
};

constexpr std::array kVerifyErrors = {
    VerifyRow{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, Reason::unknown_ca},
    VerifyRow{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, Reason::unknown_ca},
    VerifyRow{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, Reason::unknown_ca},
    VerifyRow{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, Reason::unknown_ca},
    VerifyRow{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, Reason::unknown_ca},
    VerifyRow{X509_V_ERR_CERT_UNTRUSTED, Reason::unknown_ca},
    VerifyRow{X509_V_ERR_CERT_SIGNATURE_FAILURE, Reason::bad_signature},
    VerifyRow{X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, Reason::bad_signature},
    VerifyRow{X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, Reason::bad_signature},
    VerifyRow{X509_V_ERR_CERT_HAS_EXPIRED, Reason::expired},
    VerifyRow{X509_V_ERR_CERT_NOT_YET_VALID, Reason::not_yet_valid},
    VerifyRow{X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, Reason::malformed_certificate},
    VerifyRow{X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, Reason::malformed_certificate},
    VerifyRow{X509_V_ERR_INVALID_EXTENSION, Reason::malformed_certificate},
    VerifyRow{X509_V_ERR_CERT_CHAIN_TOO_LONG, Reason::chain_too_deep},
    VerifyRow{X509_V_ERR_PATH_LENGTH_EXCEEDED, Reason::chain_too_deep},
    VerifyRow{X509_V_ERR_INVALID_PURPOSE, Reason::wrong_purpose},
    VerifyRow{X509_V_ERR_CERT_REJECTED, Reason::wrong_purpose},
    VerifyRow{X509_V_ERR_PERMITTED_VIOLATION, Reason::name_constraint},
    VerifyRow{X509_V_ERR_EXCLUDED_VIOLATION, Reason::name_constraint},
    VerifyRow{X509_V_ERR_SUBTREE_MINMAX, Reason::name_constraint},
    VerifyRow{X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, Reason::name_constraint},
    VerifyRow{X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, Reason::name_constraint},
    VerifyRow{X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, Reason::name_constraint},
    VerifyRow{X509_V_ERR_EE_KEY_TOO_SMALL, Reason::weak_key},
    VerifyRow{X509_V_ERR_CA_KEY_TOO_SMALL, Reason::weak_key},
    VerifyRow{X509_V_ERR_CA_MD_TOO_WEAK, Reason::weak_key},
    VerifyRow{X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, Reason::weak_key},
    VerifyRow{X509_V_ERR_OUT_OF_MEM, Reason::internal},
    VerifyRow{X509_V_ERR_UNSPECIFIED, Reason::internal},
    VerifyRow{X509_V_ERR_INVALID_CALL, Reason::internal},
    VerifyRow{X509_V_ERR_STORE_LOOKUP, Reason::internal},
};

struct HandshakeRow {
  int error;  // SSL_R_*
  Reason reason;
};

constexpr std::array kHandshakeErrors = {
    HandshakeRow{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, Reason::no_certificate},
    HandshakeRow{SSL_R_UNSUPPORTED_PROTOCOL, Reason::protocol_version},
    HandshakeRow{SSL_R_VERSION_TOO_LOW, Reason::protocol_version},
    HandshakeRow{SSL_R_VERSION_TOO_HIGH, Reason::protocol_version},
    HandshakeRow{SSL_R_WRONG_SSL_VERSION, Reason::protocol_version},
    HandshakeRow{SSL_R_UNKNOWN_PROTOCOL, Reason::protocol_version},
    HandshakeRow{SSL_R_INAPPROPRIATE_FALLBACK, Reason::protocol_version},
    HandshakeRow{SSL_R_NO_SHARED_CIPHER, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_CIPHERS_SPECIFIED, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_SUITABLE_KEY_SHARE, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_SHARED_GROUPS, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_SUITABLE_GROUPS, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_SUITABLE_DIGEST_ALGORITHM, Reason::no_shared_cipher},
    HandshakeRow{SSL_R_NO_APPLICATION_PROTOCOL, Reason::no_application_protocol},
    HandshakeRow{SSL_R_BAD_SIGNATURE, Reason::bad_signature},
    HandshakeRow{SSL_R_CERT_LENGTH_MISMATCH, Reason::malformed_certificate},
    HandshakeRow{SSL_R_UNKNOWN_CERTIFICATE_TYPE, Reason::malformed_certificate},
    HandshakeRow{ERR_R_ASN1_LIB, Reason::malformed_certificate},
    HandshakeRow{ERR_R_X509_LIB, Reason::malformed_certificate},
    HandshakeRow{SSL_R_EXCESSIVE_MESSAGE_SIZE, Reason::too_large},
    HandshakeRow{SSL_R_HTTP_REQUEST, Reason::plain_http},
    HandshakeRow{SSL_R_HTTPS_PROXY_REQUEST, Reason::plain_http},
    HandshakeRow{ERR_R_MALLOC_FAILURE, Reason::internal},
    HandshakeRow{ERR_R_INTERNAL_ERROR, Reason::internal},
    HandshakeRow{ERR_R_EVP_LIB, Reason::internal},
    HandshakeRow{SSL_R_CALLBACK_FAILED, Reason::internal},
    HandshakeRow{SSL_R_CERTIFICATE_VERIFY_FAILED, Reason::internal},
};

}  // namespace

CertificateAlert certificate_alert(Reason reason) noexcept {
  for (const AlertRow& row : kAlerts) {
    if (row.reason == reason) return row.told;
  }
  return kOther;
}

Reason reason_of_verify_error(int error) noexcept {
  for (const VerifyRow& row : kVerifyErrors) {
    if (row.error == error) return row.reason;
  }
  return Reason::bad_chain;
}

int peer_alert_of(unsigned long code) noexcept {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return -1;
  const int alert = ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET;
  return alert >= 0 && alert <= 255 ? alert : -1;
}

Reason reason_of_handshake_error(unsigned long code) noexcept {
  if (peer_alert_of(code) >= 0) return Reason::client_alert;
  // The certificate's own parser names itself, when it speaks first.
  if (ERR_GET_LIB(code) == ERR_LIB_ASN1 || ERR_GET_LIB(code) == ERR_LIB_X509) return Reason::malformed_certificate;
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return Reason::internal;
  for (const HandshakeRow& row : kHandshakeErrors) {
    if (row.error == ERR_GET_REASON(code)) return row.reason;
  }
  // A message that breaks the protocol: whatever it was, it was not TLS.
  return Reason::not_tls;
}

}  // namespace gateway::tls
