#pragma once

#include <string>
#include <string_view>

#include "pki/error.h"
#include "pki/openssl_handles.h"

namespace gateway::pki {

// How a PKCS#12 bundle is encrypted. `modern`: AES-256-CBC with PBKDF2 and SHA-256. `legacy`: 3DES and SHA-1, for
// importers that know nothing else.
enum class BundleCipher { modern, legacy };

// Of letters and digits that can't be mistaken for each other, in groups: 120 random bits, which no iteration count has
// to make up for.
Result<std::string> generate_password();

// What a bundle may be locked with: not empty, of at most 256 bytes, without control bytes.
Result<Done> check_password(std::string_view password);

// A PKCS#12 bundle (DER) of `key` and the certificates of `chain_pem`, whose first must be the key's. `name` is what
// importers show. `file` is named in errors only.
Result<std::string> make_bundle(std::string_view chain_pem, EVP_PKEY* key, std::string_view name,
                                std::string_view password, BundleCipher cipher, const std::filesystem::path& file);

}  // namespace gateway::pki
