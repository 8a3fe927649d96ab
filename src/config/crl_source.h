#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/http_url.h"
#include "tls/trust_set.h"

namespace gateway::config {

// An URL among the `crl` of trust sets: fetched in the background, and kept in a file that a load reads as any other.
struct CrlSource {
  core::HttpUrl url;
  std::string file;                // its name in the state directory
  std::chrono::seconds refresh{};  // the shortest of the sets that name it
  std::vector<tls::Der> issuers;   // CA certificates of these sets
  bool take_unproven = false;      // see tls::CrlUpdateRules: all of these sets require revocation
  friend bool operator==(const CrlSource&, const CrlSource&) = default;
};

// "crl/<SHA-256 of the URL>.crl".
std::string crl_file_name(const core::HttpUrl& url);

}  // namespace gateway::config
