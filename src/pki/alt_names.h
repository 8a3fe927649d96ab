#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pki/error.h"
#include "pki/openssl_handles.h"

namespace gateway::pki {

// Subject alternative names as an operator writes them.
struct AltNames {
  std::vector<std::string> dns;     // "api.example.com", "*.example.com"
  std::vector<std::string> uris;    // "spiffe://corp.example/batch"
  std::vector<std::string> emails;  // "ops@example.com"
  std::vector<std::string> ips;     // "192.0.2.1", "2001:db8::1"

  [[nodiscard]] bool empty() const { return dns.empty() && uris.empty() && emails.empty() && ips.empty(); }
};

// Builds the extension's value name by name, never from OpenSSL's "DNS:a,IP:b" syntax, in which a comma in one name
// could add another. Refuses what no client or server would match: the message says which name and why.
Result<GeneralNamesPtr> build_alt_names(const AltNames& names);

// What a server certificate without any SAN gets from its common name: clients have not looked at the CN since RFC
// 9525. Empty if `common_name` is neither a host name nor an IP address.
AltNames alt_names_from(std::string_view common_name);

}  // namespace gateway::pki
