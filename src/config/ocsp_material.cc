#include "config/ocsp_material.h"

#include <fmt/format.h>

#include "config/quote.h"

namespace gateway::config {

bool load_ocsp(const OcspConfig& config, CertificateChains& chains, DiagnosticSink& sink, tls::TrustSet& set) {
  // Read even if nothing is asked: a file that is wrong is wrong.
  tls::Der certificate;
  if (config.responder_certificate) {
    const Text& path = *config.responder_certificate;
    const auto chain = chains.read(path);
    if (!chain) return false;
    if (chain->certificates.size() != 1) {
      sink.error(path.at, path.value,
                 fmt::format("{} has {} certificates: only the responder's own is wanted", in_quotes(path.value),
                             chain->certificates.size()));
      return false;
    }
    chains.check_lifetime(path, chain->facts.front(), "OCSP responder's certificate");
    certificate = chain->certificates.front();
  }
  if (!config.mode) return true;
  auto options = tls::OcspOptions::build(set.name,
                                         {.mode = *config.mode,
                                          .nonce = config.nonce,
                                          .timeout = config.timeout,
                                          .responder = config.responder ? config.responder->value : std::string(),
                                          .responder_certificate = std::move(certificate)},
                                         set.anchors);
  if (!options) {
    sink.error(config.at, "", options.error().detail);
    return false;
  }
  set.ocsp = std::move(*options);
  return true;
}

}  // namespace gateway::config
