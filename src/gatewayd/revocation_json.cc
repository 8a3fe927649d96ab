#include "gatewayd/revocation_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "tls/dn_text.h"

namespace gateway::gatewayd {
namespace {

using Json = nlohmann::ordered_json;

// A comment need not be UTF-8; nlohmann would throw.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Json entry_json(const RevocationEntry& entry) {
  const auto text = [](const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); };
  return {{"fingerprint", text(entry.fingerprint)},
          {"serial", text(entry.serial)},
          {"issuer", text(entry.issuer)},
          {"added", core::format_time(entry.added)},
          {"comment", text(entry.comment)}};
}

}  // namespace

Json revocations_view(const EmergencyRevocations& revocations, std::size_t most) {
  const auto& all = revocations.entries();
  Json entries = Json::array();
  for (std::size_t i = all.size() - std::min(most, all.size()); i < all.size(); ++i)
    entries.push_back(entry_json(all[i]));
  return {{"count", all.size()}, {"saved", revocations.is_saved()}, {"entries", std::move(entries)}};
}

std::string revocations_json(const EmergencyRevocations& revocations) {
  return dump(revocations_view(revocations, revocations.entries().size()));
}

std::string revocation_json(const RevocationOutcome& outcome, const EmergencyRevocations& revocations,
                            const std::vector<std::string>& warnings) {
  Json json = {{"result", to_string(outcome.result)},  {"entry", entry_json(outcome.entry)},
               {"closed_connections", outcome.closed}, {"count", revocations.entries().size()},
               {"saved", revocations.is_saved()},      {"warnings", warnings}};
  if (!outcome.error.empty()) json["error"] = outcome.error;
  return dump(json);
}

std::vector<std::string> revocation_warnings(const RevocationEntry& entry, const config::LoadedConfig& config) {
  std::vector<std::string> warnings;
  if (!entry.serial.empty() && entry.issuer.empty()) {
    warnings.emplace_back("without an issuer the certificates of every CA with this serial number are revoked");
  }
  if (const auto issuer = tls::canonical_dn(entry.issuer); issuer && !entry.issuer.starts_with("sha256:")) {
    const bool known = std::ranges::any_of(config.certificates, [&](const config::CertificateInfo& certificate) {
      return certificate.kind == "trust" && tls::canonical_dn(certificate.subject) == issuer;
    });
    if (!known) warnings.emplace_back("no trust set has a CA of this name: right only if it is an intermediate CA's");
  }
  return warnings;
}

}  // namespace gateway::gatewayd
