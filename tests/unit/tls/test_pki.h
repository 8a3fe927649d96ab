#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/openssl_ptr.h"
#include "tls/trust_set.h"

// Certificates and CRLs made in memory. For tests only: whatever fails here aborts.
namespace gateway::tls::test {

std::chrono::sys_seconds real_now();

struct Extension {
  std::string name;   // OpenSSL's config name, e.g. "subjectAltName"
  std::string value;  // OpenSSL's config value, e.g. "DNS:a.example"; "DER:..." gives raw bytes
};

enum class KeyKind { p256, p224, p256_explicit, rsa1024, rsa2048, rsa2048_exponent3, ed25519, dsa2048 };

struct CertificateSpec {
  std::string common_name = "client";
  std::vector<std::pair<std::string, std::string>> more_names = {};  // {"O", "Corp"}
  bool is_ca = false;
  std::string basic_constraints = "";  // overrides what is_ca says
  std::string key_usage = "";          // "" gives the usual one, "none" none
  std::string extended_key_usage = "clientAuth";
  std::vector<Extension> extensions = {};
  std::chrono::sys_seconds not_before = real_now() - std::chrono::hours(24);
  std::chrono::sys_seconds not_after = real_now() + std::chrono::hours(24 * 365);
  KeyKind key = KeyKind::p256;
  std::shared_ptr<EVP_PKEY> old_key = nullptr;  // instead of a new one
  bool key_identifiers = true;
  const EVP_MD* digest = EVP_sha256();
};

struct Issued {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  [[nodiscard]] Der der() const;
  [[nodiscard]] std::string key_der() const;
  [[nodiscard]] std::string pem() const;
  [[nodiscard]] std::string key_pem() const;
};

// Signed by `issuer`, or by itself if that is null.
Issued issue(const CertificateSpec& spec, const Issued* issuer);
Issued make_root(const std::string& common_name);
Issued make_intermediate(const std::string& common_name, const Issued& issuer);
Issued make_client(const std::string& common_name, const Issued& issuer);
Issued make_server(const std::string& dns_name, const Issued& issuer);
// Another key for the same certificate fields: what a forger would make.
Issued with_broken_signature(const Issued& original);

// A P-256 key that signs with one key and says that it is the other: what a thief of a certificate has.
std::shared_ptr<EVP_PKEY> key_that_claims(EVP_PKEY& signs, EVP_PKEY& claimed);

struct CrlSpec {
  std::vector<const Issued*> revoked = {};
  std::chrono::sys_seconds this_update = real_now() - std::chrono::hours(1);
  std::chrono::sys_seconds next_update = real_now() + std::chrono::hours(24 * 30);
  bool has_next_update = true;
  std::vector<Extension> extensions = {};
  std::size_t filler_entries = 0;
};
Der make_crl(const Issued& issuer, const CrlSpec& spec);
std::string crl_pem(const Der& crl);

}  // namespace gateway::tls::test
