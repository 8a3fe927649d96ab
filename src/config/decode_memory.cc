#include "config/decode_memory.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "config/admin_socket.h"
#include "config/config.h"
#include "config/decode.h"
#include "tls/digest.h"

namespace gateway::config {
namespace {

// systemd sets it for a service with StateDirectory=.
constexpr const char* kStateDirectoryVariable = "STATE_DIRECTORY";
constexpr const char* kDefaultStateDirectory = "/var/lib/gatewayd";

// A relative $GATEWAY_SOCKET starts where the program was started, as for gatewayctl.
Text default_admin_socket(const Environment& environment) {
  const auto set = environment(kAdminSocketVariable);
  if (!set || set->empty()) return {.value = kDefaultAdminSocket, .at = {}};
  std::error_code error;
  const auto absolute = std::filesystem::absolute(*set, error);
  return {.value = error ? *set : absolute.string(), .at = {}};
}

// systemd names several folders with colons between them; the first one is the service's own.
Text default_state_directory(const Environment& environment) {
  const auto set = environment(kStateDirectoryVariable);
  if (!set || set->empty()) return {.value = kDefaultStateDirectory, .at = {}};
  const std::string first = set->substr(0, set->find(':'));
  std::error_code error;
  const auto absolute = std::filesystem::absolute(first, error);
  return {.value = error ? first : absolute.string(), .at = {}};
}

}  // namespace

std::shared_ptr<const Config> DecodeMemory::decode(std::string_view text, DiagnosticSink& sink,
                                                   const Environment& environment) {
  const core::Sha256 digest = tls::sha256({text});
  const auto is_as_it_was = [&](const auto& variable) { return environment(variable.first) == variable.second; };
  if (known_ && known_->text == digest && std::ranges::all_of(known_->variables, is_as_it_was)) return known_->config;
  Variables variables;
  const Environment recorded = [&](const std::string& name) {
    return variables.try_emplace(name, environment(name)).first->second;
  };
  ++decoded_;
  std::optional<Config> config = config::decode(text, sink, recorded);
  if (!config) return nullptr;
  if (!config->admin.socket) config->admin.socket = default_admin_socket(recorded);
  if (!config->state_directory) config->state_directory = default_state_directory(recorded);
  auto decoded = std::make_shared<const Config>(std::move(*config));
  // What was found has to be said each time.
  if (sink.is_empty()) known_.emplace(Known{.text = digest, .variables = std::move(variables), .config = decoded});
  return decoded;
}

}  // namespace gateway::config
