#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pki/error.h"
#include "pki/openssl_handles.h"

namespace gateway::pki {

enum class KeyType { ecdsa_p256, ecdsa_p384, rsa_2048, rsa_3072, rsa_4096, ed25519 };

inline constexpr std::array<std::pair<std::string_view, KeyType>, 6> kKeyTypes{{
    {"ecdsa-p256", KeyType::ecdsa_p256},
    {"ecdsa-p384", KeyType::ecdsa_p384},
    {"rsa-2048", KeyType::rsa_2048},
    {"rsa-3072", KeyType::rsa_3072},
    {"rsa-4096", KeyType::rsa_4096},
    {"ed25519", KeyType::ed25519},
}};

std::optional<KeyType> parse_key_type(std::string_view word);

Result<KeyPtr> generate_key(KeyType type);
// Unencrypted PKCS#8.
Result<std::string> key_to_pem(EVP_PKEY* key);
// An encrypted key is refused: nothing here ever asks for a passphrase. `file` is named in errors only.
Result<KeyPtr> key_from_pem(std::string_view pem, const std::filesystem::path& file);
// What to sign with: nullptr for keys that bring their own digest (Ed25519).
const EVP_MD* signing_digest(EVP_PKEY* key);

}  // namespace gateway::pki
