#include "config/stapling.h"

#include <fmt/format.h>

#include "config/quote.h"
#include "core/http_url.h"
#include "tls/certificate_files.h"
#include "tls/ocsp_request.h"
#include "tls/stapling.h"

namespace gateway::config {
namespace {

std::string subject_of(const tls::Der& certificate) {
  const auto facts = tls::facts_of(certificate);
  return in_quotes(facts ? facts->subject : "");
}

// What must be known to ask for a response; why it isn't.
std::expected<tls::StapledCertificate, std::string> find_one(const std::optional<core::HttpUrl>& responder,
                                                             const tls::Der& issuer,
                                                             const std::vector<tls::Der>& chain) {
  tls::StapledCertificate stapled;
  stapled.certificate = chain.front();
  stapled.issuer = !issuer.empty() ? issuer : chain.size() > 1 ? chain[1] : tls::Der();
  if (stapled.issuer.empty()) {
    return std::unexpected("its file does not hold its issuer; append that, or name it ('stapling: {issuer: ca.pem}')");
  }
  if (!tls::is_issued_by(stapled.certificate, stapled.issuer)) {
    return std::unexpected(fmt::format("{} is not its issuer", subject_of(stapled.issuer)));
  }
  if (responder) {
    stapled.responder = *responder;
    return stapled;
  }
  const auto named = tls::ocsp_url_of(stapled.certificate);
  if (!named) {
    return std::unexpected("it names no OCSP responder; name one ('stapling: {responder: \"http://…\"}')");
  }
  const auto url = core::HttpUrl::parse(*named);
  if (!url) return std::unexpected(fmt::format("it names the OCSP responder {}: {}", in_quotes(*named), url.error()));
  stapled.responder = *url;
  return stapled;
}

}  // namespace

std::vector<tls::StapledCertificate> find_stapled(const TlsConfig& config,
                                                  const std::vector<std::shared_ptr<const CertificateChain>>& chains,
                                                  CertificateChains& files, DiagnosticSink& sink) {
  std::vector<tls::StapledCertificate> all;
  tls::Der issuer;
  if (config.stapling && config.stapling->issuer) {
    const auto chain = files.read(*config.stapling->issuer);
    if (!chain) return all;
    issuer = chain->certificates.front();
  }
  for (const auto& chain : chains) {
    const tls::CertificateFacts& leaf = chain->facts.front();
    if (!config.stapling) {
      if (!leaf.must_staple) continue;
      sink.warning(config.at, "",
                   fmt::format("clients refuse the certificate {} without an OCSP staple (it says must-staple), and "
                               "'stapling' is off",
                               in_quotes(leaf.subject)));
      continue;
    }
    auto found = find_one(config.stapling->responder, issuer, chain->certificates);
    if (found) {
      all.push_back(std::move(*found));
    } else {
      sink.warning(config.stapling->at, "",
                   fmt::format("nothing can be stapled to the certificate {}: {}{}", in_quotes(leaf.subject),
                               found.error(), leaf.must_staple ? "; it says must-staple, so clients refuse it" : ""));
    }
  }
  return all;
}

}  // namespace gateway::config
