#pragma once

#include <memory>
#include <vector>

#include "config/certificate_chains.h"
#include "config/config.h"
#include "tls/host_options.h"

namespace gateway::config {

// Of a host's certificate chains (server certificate first) those that OCSP responses can be stapled to. Warns of each
// that can't, and of those that clients refuse without a staple (RFC 7633); reports a faulty issuer file or URL.
std::vector<tls::StapledCertificate> find_stapled(const TlsConfig& config,
                                                  const std::vector<std::shared_ptr<const CertificateChain>>& chains,
                                                  CertificateChains& files, DiagnosticSink& sink);

}  // namespace gateway::config
