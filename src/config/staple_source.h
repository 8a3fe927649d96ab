#pragma once

#include <string>
#include <vector>

#include "core/http_url.h"
#include "core/peer_identity.h"
#include "proxy/snapshot.h"
#include "tls/trust_set.h"

namespace gateway::config {

// One of our own certificates that OCSP responses are stapled to.
struct StapleSource {
  core::Sha256 fingerprint{};
  tls::Der certificate;
  tls::Der issuer;
  core::HttpUrl responder;
  std::string subject;                     // RFC 4514
  std::vector<std::string> virtual_hosts;  // that show it
  friend bool operator==(const StapleSource&, const StapleSource&) = default;
};

// Each certificate once, however many hosts show it.
std::vector<StapleSource> staple_sources_of(const proxy::Snapshot& snapshot);

// "ocsp/<SHA-256 of the certificate>.der": where the last response is kept in the state directory.
std::string staple_file_name(const core::Sha256& fingerprint);

}  // namespace gateway::config
