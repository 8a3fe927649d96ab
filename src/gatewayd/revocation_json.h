#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "config/load.h"
#include "gatewayd/emergency_revocations.h"

// What the admin socket answers on emergency revocations, as JSON text with a newline.
namespace gateway::gatewayd {

// {"count", "saved", "entries": [...]}, all of them.
std::string revocations_json(const EmergencyRevocations& revocations);
// The same for `status`: the newest `kShownRevocations` of them.
inline constexpr std::size_t kShownRevocations = 100;
nlohmann::ordered_json revocations_view(const EmergencyRevocations& revocations, std::size_t most);

std::string revocation_json(const RevocationOutcome& outcome, const EmergencyRevocations& revocations,
                            const std::vector<std::string>& warnings);
// What the operator may not have meant: an issuer that no trust set has, a serial number of any issuer.
std::vector<std::string> revocation_warnings(const RevocationEntry& entry, const config::LoadedConfig& config);

}  // namespace gateway::gatewayd
