#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tls/ocsp_options.h"

namespace gateway::tls {

class CrlIndex;  // tls/crl_index.h

// Which certificates of a client's chain are looked up in CRLs: all but the anchor, or only the client's own.
enum class RevocationScope : std::uint8_t { chain, leaf };

// A named set of client CAs as plain data: immutable, shared by all virtual hosts and workers that use it.
struct TrustSet {
  std::string name;
  std::vector<Der> anchors;            // certificates; never empty
  unsigned depth = 5;                  // the most intermediate certificates in a client's chain
  bool partial_chains = false;         // an anchor need not be a root (self-signed)
  bool require_client_purpose = true;  // the leaf must have an extendedKeyUsage with clientAuth, not only none without
  bool require_revocation = false;     // an issuer without a CRL refuses (crl_missing)
  RevocationScope revocation_scope = RevocationScope::chain;
  std::chrono::seconds crl_grace{0};  // a CRL counts so long beyond its nextUpdate
  bool crls_pending = false;          // one that is fetched has not come yet: everybody is refused (crl_missing)
  // RFC 5280's profile in full, not only its path validation: key identifiers, criticality, serials and the like (see
  // tls/chain_profile.h). Off for client CAs that were made by simple scripts and leave such things out.
  bool strict_profile = true;
  bool send_ca_names = true;                // name the anchors' subjects in the CertificateRequest (capped)
  std::shared_ptr<const CrlIndex> crls;     // never null; may be empty
  std::shared_ptr<const OcspOptions> ocsp;  // null: nobody is asked
};

}  // namespace gateway::tls
