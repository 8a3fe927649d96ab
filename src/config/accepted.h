#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "config/config.h"
#include "config/trust_material.h"

namespace gateway::config {

// What a generation was made of, kept so that its files can be read again without its config file: that one may be half
// edited by now. Immutable, held by the control thread.
struct Accepted {
  std::string file;  // absolute path of the config, where relative paths start
  std::shared_ptr<const Config> config;
  std::unordered_map<std::string, TrustMaterial::Trust> trust;  // that is in use, by name
  std::shared_ptr<tls::CrlCache> crls;                          // of all loads and rotations
  std::unordered_map<std::string, core::Sha256> host_inputs;    // inputs_of() what each virtual host serves, by name
};

}  // namespace gateway::config
