#pragma once

#include <optional>
#include <string>
#include <vector>

#include "test_pki.h"

// OCSP responses made in memory, right and wrong ones. For tests only: whatever fails here aborts.
namespace gateway::tls::test {

struct OcspSingleSpec {
  const Issued* subject = nullptr;
  const Issued* issuer = nullptr;
  int status = V_OCSP_CERTSTATUS_GOOD;
  std::chrono::sys_seconds this_update = real_now() - std::chrono::minutes(1);
  std::optional<std::chrono::sys_seconds> next_update = real_now() + std::chrono::minutes(30);
  bool critical_extension = false;
};

struct OcspSpec {
  const Issued* signer = nullptr;                // signs, and gives its name or key
  std::vector<const Issued*> certificates = {};  // that come along
  bool by_key = false;                           // responderID
  std::string nonce = "";
  int nonces = 1;
  bool critical_extension = false;
  const EVP_MD* digest = EVP_sha256();
  bool pss = false;
  int response_status = OCSP_RESPONSE_STATUS_SUCCESSFUL;
};

Der make_ocsp_response(const OcspSpec& spec, const std::vector<OcspSingleSpec>& answers);
// A certificate that `issuer` has charged with answering.
Issued make_ocsp_delegate(const Issued& issuer);

}  // namespace gateway::tls::test
