#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pki/alt_names.h"
#include "pki/error.h"
#include "pki/openssl_handles.h"
#include "pki/validity.h"

namespace gateway::pki {

struct Subject {
  std::string common_name;
  std::vector<std::string> organizational_units;
  std::string organization;
};

// What a certificate is good for. An authority's has keyCertSign and cRLSign and no extended key usage.
struct Usage {
  bool authority = false;
  std::optional<unsigned> path_length;  // of an authority: how many authorities may follow below it
  bool server = false;
  bool client = false;
};

struct CertificateSpec {
  Subject subject;
  AltNames alt_names;
  Usage usage;
  Validity validity;
  std::string serial;  // hex
};

// Whose signature to put; without a certificate it is the new one's own. Borrows both.
struct Signer {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
};

// A positive 128-bit serial number from the random generator, as hex (RFC 5280 section 4.1.2.2 allows 20 bytes).
Result<std::string> random_serial();

// A version 3 certificate for `subject_key` with basicConstraints, keyUsage, extendedKeyUsage, SKI, AKI and SAN.
Result<X509Ptr> sign_certificate(const CertificateSpec& spec, EVP_PKEY* subject_key, const Signer& signer);

// Adds an extension whose text is a constant of this library.
Result<X509ExtensionPtr> make_extension(X509V3_CTX* context, int nid, const char* value);

Result<std::string> certificate_to_pem(X509* certificate);
// The first certificate of `pem`. `file` is named in errors only.
Result<X509Ptr> certificate_from_pem(std::string_view pem, const std::filesystem::path& file);

std::string serial_of(const X509* certificate);   // canonical_serial's form
std::string subject_of(const X509* certificate);  // RFC 4514
std::string index_subject_of(X509* certificate);  // "/O=Example/CN=name"
Validity validity_of(const X509* certificate);

}  // namespace gateway::pki
