#pragma once

#include "config/certificate_chains.h"
#include "config/config.h"
#include "tls/trust_set.h"

namespace gateway::config {

// Gives `set`, whose anchors are known, its OCSP settings; reads the responder's certificate. False after an error,
// which is reported at the path that names the file.
bool load_ocsp(const OcspConfig& config, CertificateChains& chains, DiagnosticSink& sink, tls::TrustSet& set);

// Whether the same responders are asked and believed. Null: nobody is asked.
inline bool same_ocsp_answers(const tls::OcspOptions* one, const tls::OcspOptions* other) {
  return one == nullptr || other == nullptr ? one == other : one->settings == other->settings;
}

}  // namespace gateway::config
