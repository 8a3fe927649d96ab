#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/peer_identity.h"

namespace gateway::tls {

// SHA-256 over the concatenation of `parts`. `md` is a fetched digest: fetching again for every call costs more than
// the hash. Never fails but for want of memory, which ends the process: a wrong fingerprint must not exist.
core::Sha256 sha256(const EVP_MD* md, std::initializer_list<std::string_view> parts);

// As above with the process-wide digest of the default library context: for the control thread.
core::Sha256 sha256(std::initializer_list<std::string_view> parts);

// SHA-256 over the concatenation of fields, each with its length in front, so that no two lists of fields collide.
class FieldDigest {
 public:
  FieldDigest& add(std::string_view field);
  FieldDigest& add(std::uint64_t number);
  [[nodiscard]] core::Sha256 finish() const;

 private:
  std::string bytes_;
};

}  // namespace gateway::tls
