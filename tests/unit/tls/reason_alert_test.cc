#include "tls/reason_alert.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

using namespace gateway::tls;
using gateway::core::Reason;

TEST_CASE("every verification error of OpenSSL has a reason, and none of them admits") {
  for (int error = 1; error < 128; ++error) CHECK(reason_of_verify_error(error) != Reason::none);
  CHECK(reason_of_verify_error(X509_V_ERR_CERT_HAS_EXPIRED) == Reason::expired);
  CHECK(reason_of_verify_error(X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION) == Reason::bad_chain);
}

TEST_CASE("reasons that only revocation gives are told as certificate_unknown") {
  CHECK(certificate_alert(Reason::crl_expired).alert == SSL_AD_CERTIFICATE_UNKNOWN);
  CHECK(certificate_alert(Reason::crl_missing).alert == SSL_AD_CERTIFICATE_UNKNOWN);
}

TEST_CASE("a peer's alert is told from our own errors") {
  CHECK(peer_alert_of(ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA)) == SSL_AD_UNKNOWN_CA);
  CHECK(peer_alert_of(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER)) == -1);
  CHECK(peer_alert_of(ERR_PACK(ERR_LIB_X509, 0, SSL_AD_REASON_OFFSET)) == -1);
  CHECK(reason_of_handshake_error(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER)) == Reason::no_shared_cipher);
  CHECK(reason_of_handshake_error(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_LENGTH_MISMATCH)) == Reason::not_tls);
  CHECK(reason_of_handshake_error(ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + 40)) == Reason::client_alert);
  CHECK(reason_of_handshake_error(ERR_PACK(ERR_LIB_EVP, 0, 1)) == Reason::internal);
}
