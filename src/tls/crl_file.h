#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tls/crl_index.h"
#include "tls/crl_signature.h"
#include "tls/openssl_ptr.h"
#include "tls/serial_set.h"

namespace gateway::tls {

// One CRL (RFC 5280 section 5), immutable: what is looked up in it, and what tells who signed it. Its bytes are gone.
struct ParsedCrl {
  CrlIndex::Info info;
  SerialSet revoked;
  unsigned long issuer_name_hash = 0;  // of the canonical name: spelling and string type don't matter
  NamePtr issuer;
  // Section 5.2.5. A certificate of a kind that a CRL does not cover is not proven good by it.
  bool covers_end_entities = true;
  bool covers_cas = true;
  bool partitioned = false;  // covers a part only, so others of the same issuer stand beside it
  CrlSignature signature;
};

// All CRLs of one file, PEM with any number or one DER. Error: anything that we could not apply in full.
using CrlFile = std::shared_ptr<const std::vector<ParsedCrl>>;
core::Result<CrlFile> parse_crl_file(std::string_view bytes);

// The hash that ParsedCrl::issuer_name_hash is compared with.
unsigned long canonical_name_hash(const X509_NAME* name);

}  // namespace gateway::tls
