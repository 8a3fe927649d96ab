#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "tls/serial_set.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// The parts of one CRL (RFC 5280 section 5.1). Its list of revoked certificates is walked in place: OpenSSL makes
// several objects of each entry, which takes ten times the memory and time. Everything else of a CRL is small, and
// left to OpenSSL.
struct CrlParts {
  std::string_view tbs;               // TBSCertList in DER: what the issuer signed
  std::string_view signed_algorithm;  // of the signature, as TBSCertList says
  std::string_view algorithm;         // and as it stands beside the signature
  std::string_view entries;           // the content of revokedCertificates; empty if there is none
  Der header;                         // the CRL as it would be without revokedCertificates
};

// nullopt if `der` is not one CRL in DER. Only the structure down to the parts is judged here.
std::optional<CrlParts> split_crl(std::string_view der);

// The serials of CrlParts::entries. Error: what makes the list one that can't be applied in full.
std::expected<SerialSet, std::string_view> read_crl_entries(std::string_view entries);

}  // namespace gateway::tls
