#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tls/crl_index.h"
#include "tls/openssl_ptr.h"
#include "tls/serial_set.h"

namespace gateway::tls {

// One CRL out of a file: what is looked up in it, and what is needed to check its signature.
struct ParsedCrl {
  CrlIndex::Info info;
  SerialSet revoked;
  unsigned long issuer_name_hash = 0;  // of the canonical name: spelling and string type don't matter
  NamePtr issuer;
  bool partitioned = false;  // covers one distribution point only, so others of the same issuer stand beside it
  Der der;
};

// All CRLs of one file (PEM with any number, or one DER). Error: anything that we could not apply in full.
core::Result<std::vector<ParsedCrl>> parse_crl_file(std::string_view bytes);

// Whether `key` signed the CRL.
bool crl_signed_by(const Der& crl, EVP_PKEY* key, OSSL_LIB_CTX* library);

// The hash that ParsedCrl::issuer_name_hash is compared with.
unsigned long canonical_name_hash(const X509_NAME* name);

}  // namespace gateway::tls
