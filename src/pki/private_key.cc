#include "pki/private_key.h"

#include <openssl/pem.h>

#include <limits>

namespace gateway::pki {

std::optional<KeyType> parse_key_type(std::string_view word) {
  for (const auto& [known, type] : kKeyTypes) {
    if (word == known) return type;
  }
  return std::nullopt;
}

Result<KeyPtr> generate_key(KeyType type) {
  KeyPtr key;
  switch (type) {
    case KeyType::ecdsa_p256:
      key.reset(EVP_EC_gen("P-256"));
      break;
    case KeyType::ecdsa_p384:
      key.reset(EVP_EC_gen("P-384"));
      break;
    case KeyType::rsa_2048:
      key.reset(EVP_RSA_gen(2048U));
      break;
    case KeyType::rsa_3072:
      key.reset(EVP_RSA_gen(3072U));
      break;
    case KeyType::rsa_4096:
      key.reset(EVP_RSA_gen(4096U));
      break;
    case KeyType::ed25519:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
      break;
  }
  if (!key) return openssl_failure("cannot generate a key");
  return key;
}

Result<std::string> key_to_pem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_failure("cannot write a key");
  }
  return bytes_of(bio.get());
}

Result<KeyPtr> key_from_pem(std::string_view pem, const std::filesystem::path& file) {
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return refuse("is too large", file);
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!key) return openssl_failure("is no unencrypted private key", file);
  return key;
}

const EVP_MD* signing_digest(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1) return nullptr;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
}

}  // namespace gateway::pki
