#include "tls/tls_settings.h"

namespace gateway::tls {

TlsSettings settings_of(TlsProfile profile) {
  TlsSettings settings;
  if (profile == TlsProfile::modern) {
    settings.min_version = ProtocolVersion::tls13;
  } else {
    // AEAD with forward secrecy only.
    settings.ciphers = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"};
  }
  settings.cipher_suites = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"};
  settings.groups = {"?X25519MLKEM768", "X25519", "P-256", "P-384"};
  // Mozilla names none. Without DSA and SHA-1, which OpenSSL still takes in TLS 1.2. Those of PKCS#1 v1.5 stand for
  // certificates in TLS 1.3: without them some clients would not send a chain that an RSA key signed.
  settings.signature_algorithms = {"ecdsa_secp256r1_sha256",
                                   "ecdsa_secp384r1_sha384",
                                   "ecdsa_secp521r1_sha512",
                                   "ed25519",
                                   "ed448",
                                   "rsa_pss_pss_sha256",
                                   "rsa_pss_pss_sha384",
                                   "rsa_pss_pss_sha512",
                                   "rsa_pss_rsae_sha256",
                                   "rsa_pss_rsae_sha384",
                                   "rsa_pss_rsae_sha512",
                                   "rsa_pkcs1_sha256",
                                   "rsa_pkcs1_sha384",
                                   "rsa_pkcs1_sha512"};
  return settings;
}

}  // namespace gateway::tls
