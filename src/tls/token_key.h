#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "core/secret.h"
#include "tls/openssl_ptr.h"
#include "tls/trust_set.h"

namespace gateway::tls {

class OpenedTokenKey;

// A private key that never leaves its PKCS#11 token (an HSM, a smart card). Plain data, immutable, shared.
struct TokenKey {
  std::string search;      // of TokenUri
  std::string module;      // absolute path of the token's PKCS#11 module; "": the provider's own choice
  core::SharedSecret pin;  // null: none is known
  // Differs from load to load, so that each reload opens the key anew: that heals one whose token was away.
  std::uint64_t opening = 0;
  // The loader's own. It keeps the module in memory, and us logged in, from the check until the workers have theirs.
  std::shared_ptr<const OpenedTokenKey> proven;
};

// A key of a token, ready to sign, in an OpenSSL library context of its own: with OpenSSL's pkcs11 provider in the
// worker's, ordinary algorithms might be taken from the token. OpenSSL signs where a key is, whatever the context of
// the connection. Must outlive whatever holds key(). One thread uses it, another may free it afterwards.
class OpenedTokenKey {
 public:
  // Finds the key of `certificate` among those that `key` names. A wrong PIN is tried once: tokens lock themselves
  // after a few. Asks nobody: from the first call on no part of this process can ask on a terminal. Control thread:
  // tokens are slow. Errors say what to do and show no PIN. OpenSSL before 3.2 can't be told which module to use:
  // always an error.
  static core::Result<std::shared_ptr<const OpenedTokenKey>> open(const TokenKey& key, const Der& certificate);

  [[nodiscard]] EVP_PKEY* key() const noexcept { return key_.get(); }

 private:
  OpenedTokenKey() = default;

  LibraryContextPtr library_;  // outlives its providers, and those the key
  ProviderPtr default_provider_;
  ProviderPtr token_provider_;
  PkeyPtr key_;
};

// For TokenKey::opening: another one each time.
std::uint64_t next_token_opening() noexcept;

}  // namespace gateway::tls
