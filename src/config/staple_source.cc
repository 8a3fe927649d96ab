#include "config/staple_source.h"

#include <fmt/format.h>

#include <map>

#include "tls/certificate_files.h"
#include "tls/digest.h"

namespace gateway::config {

std::vector<StapleSource> staple_sources_of(const proxy::Snapshot& snapshot) {
  std::map<core::Sha256, StapleSource> sources;
  for (const auto& host : snapshot.virtual_hosts) {
    if (!host.tls) continue;
    for (const tls::StapledCertificate& stapled : host.tls->stapled) {
      const core::Sha256 fingerprint = tls::sha256({stapled.certificate});
      const auto [found, is_new] = sources.try_emplace(fingerprint);
      StapleSource& source = found->second;
      if (is_new) {
        const auto facts = tls::facts_of(stapled.certificate);
        source = {.fingerprint = fingerprint,
                  .certificate = stapled.certificate,
                  .issuer = stapled.issuer,
                  .responder = stapled.responder,
                  .subject = facts ? facts->subject : std::string(),
                  .virtual_hosts = {}};
      }
      source.virtual_hosts.push_back(host.name);
    }
  }
  std::vector<StapleSource> all;
  for (auto& [fingerprint, source] : sources) all.push_back(std::move(source));
  return all;
}

std::string staple_file_name(const core::Sha256& fingerprint) {
  std::string name = "ocsp/";
  for (const std::uint8_t byte : fingerprint) name += fmt::format("{:02x}", byte);
  return name + ".der";
}

}  // namespace gateway::config
