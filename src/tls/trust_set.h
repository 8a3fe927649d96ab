#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gateway::tls {

class CrlIndex;  // tls/crl_index.h

using Der = std::string;  // raw DER bytes

// A named set of client CAs as plain data: immutable, shared by all virtual hosts and workers that use it.
struct TrustSet {
  std::string name;
  std::vector<Der> anchors;         // certificates; never empty
  unsigned depth = 5;               // the most intermediate certificates in a client's chain
  bool require_revocation = false;  // an issuer without a CRL refuses (crl_missing)
  // RFC 5280's profile in full, not only its path validation: key identifiers, criticality, serials and the like (see
  // tls/chain_profile.h). Off for client CAs that were made by simple scripts and leave such things out.
  bool strict_profile = true;
  bool send_ca_names = true;             // name the anchors' subjects in the CertificateRequest (capped)
  std::shared_ptr<const CrlIndex> crls;  // never null; may be empty
};

}  // namespace gateway::tls
